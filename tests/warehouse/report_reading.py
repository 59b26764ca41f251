"""Reading a report as its readers do: its words, and what a browser would be asked to fetch or run."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """The words of a page, and its addresses and elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        # A namespace is a name and no address.
        self.addresses += [value or "" for name, value in attributes if not name.startswith("xmlns")]

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] != ["style"]:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def assert_asks_nothing_of_another_address(page: str) -> None:
    found = Page(page)
    assert not {"script", "link", "iframe", "img", "object"} & set(found.elements)
    assert not [
        address for address in found.addresses if "//" in address or address.startswith(("data:", "javascript:"))
    ]
    assert "@import" not in page and "url(http" not in page
