"""What a run says about profiling and contact: the basis, and how many customers are left out, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.counts import counted
from orchestration.warehouse.connection import table_exists

if TYPE_CHECKING:
    import duckdb

_WHOM = {
    "legitimate interest": "all customers but those who refuse it (GDPR article 6.1 f)",
    "consent": "only customers who agreed (GDPR article 6.1 a)",
}


def profiling_sentences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The basis of profiling with the customers who have no profile, and permissions that no address can use.

    Empty where the published warehouse has no customers, or was written before it had these tables.
    """
    if not table_exists(connection, "core", "dim_customer_profiling"):
        return []
    rows = connection.execute("""
        select profiling_basis, answer, count(*), count(no_profile_reason) from core.dim_customer_profiling
        where customer_key > 0 group by all order by answer
    """).fetchall()
    if not rows:
        return []
    basis, customers = rows[0][0], sum(row[2] for row in rows)
    closed = [f"{answer} {count:,}" for _, answer, _, count in rows if count]
    left_out = sum(row[3] for row in rows)
    sentences = [
        f"Profiling by {basis}: {_WHOM[basis]}. Without a profile: {left_out:,} of {counted(customers, 'customer')}"
        + (f" ({', '.join(closed)})." if closed else ".")
    ]
    for channel, reason, count in connection.execute("""
        select channel, no_contact_reason, count(distinct customer_key) from marts.customer_contact
        where not may_contact group by all order by all
    """).fetchall():
        sentences.append(f"Not contacted by {channel}, though they agreed: {counted(count, 'customer')}; {reason}.")
    return sentences
