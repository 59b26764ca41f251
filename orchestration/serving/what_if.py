"""What other rules would change, for people: customers, links, what moves with them, and examples to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.counts import counted

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

    from orchestration.identity.compare import Comparison, Regrouping

MOST_RECORDS = 6


def what_if_of(found: Comparison, rules: str) -> Group:
    """The comparison as tables. rules: name of the file with the other rules."""
    from rich.console import Group
    from rich.markup import escape
    from rich.panel import Panel

    if found.is_same:
        sentence = f"Nothing would change: the same {counted(found.customers_before, 'customer')} of "
        sentence += f"{counted(found.records, 'record')}."
    else:
        sentence = (
            f"{counted(found.merged_customers, 'customer')} would be merged into {found.merges:,}, {found.splits:,} "
            f"would be split; {found.moved_records:,} of {found.records:,} records would have another customer number."
        )
    parts: list[RenderableType] = [
        Panel(sentence, title=f"With the rules of {escape(rules)}", title_align="left"),
        _figures(found),
        _moved(found),
    ]
    parts += [
        _examples(title, regroupings, heading)
        for title, regroupings, heading in (
            ("Would be merged", found.merge_examples, "because of"),
            ("Would be split", found.split_examples, "because"),
        )
        if regroupings
    ]
    return Group(*parts, *(f"[dim]{escape(note)}[/]" for note in found.notes))


def _figures(found: Comparison) -> RenderableType:
    table = _table("Customers and links", "", "today", "then", "difference")
    rows = [("customers", found.customers_before, found.customers_after)]
    rows += [
        (f"links by {rule}", found.links_before.get(rule, 0), found.links_after.get(rule, 0))
        for rule in sorted({*found.links_before, *found.links_after})
    ]
    for name, before, after in rows:
        table.add_row(name, f"{before:,}", f"{after:,}", f"{after - before:+,}" if after != before else "")
    return table


def _moved(found: Comparison) -> RenderableType:
    table = _table("What would move", "", "total", "to another customer", "becomes known", "becomes unknown")
    for moved in found.moved:
        digits = ",.2f" if moved.what.startswith("revenue") else ",.0f"
        amounts = (moved.total, moved.to_another_customer, moved.becomes_known, moved.becomes_unknown)
        table.add_row(moved.what, *(format(amount, digits) if amount else "" for amount in amounts))
    for figure, customers in found.rescored.items():
        table.add_row(f"{figure} of", "", counted(customers, "customer") if customers else "")
    if found.conflicting_consents:
        table.add_row("consents that contradict", "", counted(found.conflicting_consents, "customer"))
    return table


def _examples(title: str, regroupings: tuple[Regrouping, ...], heading: str) -> RenderableType:
    from rich.markup import escape

    table = _table(title, "customer", "becomes", "records", heading, right=())
    for one in regroupings:
        more = len(one.records) - MOST_RECORDS
        records = ", ".join(one.records[:MOST_RECORDS]) + (f" and {more} more" if more > 0 else "")
        table.add_row(_numbers(one.before), _numbers(one.after), escape(records), escape(one.because))
    return table


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _table(title: str, *headings: str, right: tuple[int, ...] | None = None):  # type: ignore[no-untyped-def]
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for index, heading in enumerate(headings):
        is_right = index > 0 if right is None else index in right
        table.add_column(heading, justify="right" if is_right else "left")
    return table
