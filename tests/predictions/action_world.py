"""The tables of core that actions are judged by, without a row, and a way to buy something."""

from __future__ import annotations

import duckdb

EMPTY_WORLD = """
    attach ':memory:' as warehouse; use warehouse; create schema core; create schema marts; create schema seeds;
    create table core.dim_currency as select 'EUR' as currency, true as is_reporting;
    create table core.bridge_interaction_product_line (
        interaction_key bigint, customer_key bigint, product_line varchar, happened_at timestamp,
        purchase_amount decimal(18, 2)
    );
    create table core.fct_booking (
        customer_key bigint, started_at timestamp, reporting_net_amount decimal(18, 2)
    );
    create table core.bridge_customer_number (customer_number bigint, customer_key bigint);
"""


def buy(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Purchases in EUR, of a query for customer, product line, moment and amount."""
    connection.execute(f"""
        create or replace temp table bought as
        select row_number() over () + (select count(*) from core.bridge_interaction_product_line) as interaction_key, *
        from ({rows}) as rows(customer_key, product_line, happened_at, amount);
        insert into core.bridge_interaction_product_line
        select interaction_key, customer_key, product_line, happened_at, amount from bought;
    """)
