"""`context360 docs`: the page shows what is filled and how it joins, and names once what no system delivers."""

from __future__ import annotations

from pathlib import Path

import duckdb

from orchestration.serving.coverage import coverage_of
from orchestration.serving.tables_page import write_tables_page


def test_page_shows_filled_columns_joins_and_what_is_missing(tmp_path: Path) -> None:
    page = tmp_path / "tables.html"
    with duckdb.connect() as connection:
        connection.execute("create schema core; create schema marts; create schema quality")
        connection.execute("create table core.dim_customer as select * from range(3) as r(customer_key)")
        connection.execute("create table core.dim_offer as select 0 as offer_key")  # the unknown member only
        connection.execute(
            "create table core.fct_order_line as select 1 as customer_key, 0 as offer_key, 5.5 as net_amount, "
            "null::varchar as coupon_code"
        )
        connection.execute("create table marts.journey (journey_key bigint)")
        connection.execute("comment on table core.fct_order_line is 'One row per order line.'")
        connection.execute("comment on column core.fct_order_line.net_amount is 'Amount <paid>.'")
        assert write_tables_page(connection, page, coverage_of({"order_line": ["till"]})) == 2
    text = page.read_text()
    assert "One row per order line." in text
    assert "Amount &lt;paid&gt;." in text
    assert "<code>core.dim_customer.customer_key</code>" in text
    assert "Not delivered by any system: coupon_code." in text
    assert "marts.journey, core.dim_offer" in text  # tables without rows, once
    assert "What have they bought" in text
    assert "<td>consent</td>" in text  # what would answer the question about consent
    assert "http" not in text  # no outside address, no script
