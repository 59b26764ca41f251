"""A first look at a published warehouse: figures that must agree with each other, whatever the sources delivered.

The invariants stand in `invariants.yml`, each with its claim, the fault that it catches and the SQL of the rows that it
compares. They read the published copy only, as its readers do, and are no part of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.serving.numbers import content_of
from orchestration.warehouse.connection import WarehouseError

_FILE = Path(__file__).with_name("invariants.yml")
EXAMPLES = 3  # keys of rows that break an invariant; a stranger looks up the first, the others show a pattern

# Sums of floating-point numbers differ in the last digits with the order in which they are added up.
_TOLERANCE = 0.000001

_MACROS = """
    create or replace temp macro as_of() as (select as_of from quality.publication);
    create or replace temp macro customer_no(customer_key) as
        case when customer_key > 0 then 'C-' || customer_key else 'unknown customer' end;
    create or replace temp macro purchase_payments() as table
        select
            customer_key, interaction_key, ordered_at as paid_at, reporting_net_amount,
            line_kind = 'purchase' as is_purchase
        from core.fct_order_line
        where customer_key > 0 and ordered_at < (select as_of from quality.publication)
        union all
        select customer_key, interaction_key, started_at, reporting_net_amount, true
        from core.fct_booking
        where customer_key > 0 and started_at < (select as_of from quality.publication);
"""


@dataclass(frozen=True)
class Invariant:
    """A claim about the published warehouse. catches: the fault that breaks it. rows: SQL, see invariants.yml."""

    claim: str
    catches: str
    rows: str


@dataclass(frozen=True)
class Found:
    """What an invariant found. compared: rows. broken: those of them that break it. expected, found: totals of all of
    them as text; of a rule, the rows for which it holds. examples: (key, expected, found) of the first broken rows."""

    invariant: Invariant
    compared: int
    broken: int
    expected: str
    found: str
    examples: tuple[tuple[str, str, str], ...]


def invariants() -> list[Invariant]:
    """The invariants in the order in which they are printed."""
    return [Invariant(**entry) for entry in content_of(_FILE)["invariants"]]


def first_look(connection: duckdb.DuckDBPyConnection) -> list[Found]:
    """What each invariant finds in the published warehouse.

    Raises WarehouseError where the warehouse lacks a table or column, as one of another version does.
    """
    prepare(connection)
    try:
        return [found_by(connection, invariant) for invariant in invariants()]
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise WarehouseError(
            f"The published warehouse is of another version ({str(error).splitlines()[0]}): start `context360 run`."
        ) from error


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the temporary macros that the invariants use."""
    connection.execute(_MACROS)


def found_by(connection: duckdb.DuckDBPyConnection, invariant: Invariant) -> Found:
    """What one invariant finds. prepare: called before on this connection."""
    columns = {name: str(kind) for name, kind, *_ in connection.execute(f"describe {invariant.rows}").fetchall()}
    has_rule = "holds" in columns
    numeric = not has_rule and all(_is_number(columns[name]) for name in ("expected", "found"))
    if has_rule:
        holds = "coalesce(holds, false)"
    elif numeric:
        holds = (
            "coalesce(abs(expected - found) <= $tolerance * greatest(1, abs(expected)), "
            "expected is null and found is null)"
        )
    else:
        holds = "expected is not distinct from found"
    connection.execute(
        f"create or replace temp table compared as select *, {holds} as is_right from ({invariant.rows})",
        {"tolerance": _TOLERANCE} if numeric else {},
    )
    compared, broken = _row(connection, "select count(*), count(*) filter (not is_right) from compared")
    if numeric:
        totals = _row(connection, "select coalesce(sum(expected), 0), coalesce(sum(found), 0) from compared")
        expected, found = map(_text, totals)
    else:
        expected, found = f"for all {compared:,}", f"for {compared - broken:,}"
    examples = connection.execute(
        "select key, expected, found from compared where not is_right order by key limit $examples",
        {"examples": EXAMPLES},
    ).fetchall()
    return Found(
        invariant, compared, broken, expected, found, tuple((str(key), _text(a), _text(b)) for key, a, b in examples)
    )


def _is_number(data_type: str) -> bool:
    return data_type.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or data_type.endswith("INT") or "INTEGER" in data_type


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return f"{value:,.2f}".removesuffix(".00")
    return str(value)


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
