"""Why a customer is one customer, for people: the records, what links them and how strongly, and what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.identity.explain import Link, explain
from orchestration.serving.card.finding import customer_number

if TYPE_CHECKING:
    import duckdb
    from rich.console import Group

MOST_LINKS = 30
MOST_REASONS = 4


def why_of(connection: duckdb.DuckDBPyConnection, customer_key: int) -> Group:
    """The evidence about one customer, from the working warehouse. Raises KeyError where the number was never given."""
    from rich.console import Group
    from rich.markup import escape
    from rich.panel import Panel
    from rich.table import Table

    found = explain(connection, customer_key)
    numbers = {
        (system, record): number
        for system, record, number in connection.execute(
            """
            select numbers.source_system, numbers.source_record_id, numbers.record_number
            from identity.record_number as numbers
            inner join identity.assignment using (source_system, source_record_id)
            where customer_id = ?
            """,
            [found.customer_id],
        ).fetchall()
    }
    records = ", ".join(f"{system} {record} (#{numbers[system, record]})" for system, record in found.records)
    earlier = ", ".join(customer_number(number) for number in found.previous_customer_ids)
    lines = [f"Records  {escape(records)}"] + ([f"Earlier numbers  {earlier}"] if earlier else [])
    parts = [
        Panel("\n".join(lines), title=f"Why {customer_number(found.customer_id)} is one customer", title_align="left")
    ]
    for title, links in (("What links them", found.links), ("Refused", found.refused)):
        if not links:
            continue
        table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
        for heading in ("record", "record", "by", "probability", "bits", "what counts most (bits)"):
            table.add_column(heading, justify="right" if heading in ("probability", "bits") else "left")
        for link in links[:MOST_LINKS]:
            table.add_row(
                escape(" ".join(link.first)),
                escape(" ".join(link.second)),
                escape(link.reason or link.rule),
                f"{link.match_probability:.4f}",
                f"{link.match_weight:+.1f}",
                escape(_strongest(link)),
            )
        if len(links) > MOST_LINKS:
            table.add_row(f"… and {len(links) - MOST_LINKS} more")
        parts.append(table)  # type: ignore[arg-type]
    return Group(*parts)


def _strongest(link: Link) -> str:
    weights = sorted((weight for weight in link.weights if weight.bits), key=lambda weight: -abs(weight.bits))
    return ", ".join(f"{weight.comparison} {weight.outcome} {weight.bits:+.1f}" for weight in weights[:MOST_REASONS])
