"""The demo company's chat provider, for the time of a run: a system that delivers through an API needs somebody who
answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestration.demo_company.api_server import TOKEN, chat_server
from orchestration.demo_company.company import MARK, DemoError

_FIRST_PORT, _PORTS = 20_000, 12_000  # below the ports that systems hand out by themselves


@dataclass(frozen=True)
class ChatAddress:
    """Where the chat provider of one demo company answers, and to whom."""

    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def chat_address(folder: Path) -> ChatAddress:
    """The address for the company in `folder`: always the same one, and another for another company."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return ChatAddress(_FIRST_PORT + int(digest[:8], 16) % _PORTS, f"{TOKEN}-{digest[:8]}")


def served_company(catalog_path: Path) -> Path | None:
    """The folder of the demo company whose own catalog this is, or None."""
    return catalog_path.parent if (catalog_path.parent / MARK).is_file() else None


@contextmanager
def demo_servers(folder: Path) -> Iterator[None]:
    """Serves the chat messages of the demo company in `folder` until the block is left. Raises DemoError where the port
    is taken."""
    address = chat_address(folder)
    with ExitStack() as stack:
        try:
            stack.enter_context(chat_server(folder / "sources", token=address.token, port=address.port))
        except OSError as error:
            raise DemoError(
                f"The chat provider of {folder} cannot answer on port {address.port} ({error.strerror}): end the "
                "program that uses the port, or create the company in another folder."
            ) from error
        yield
