"""What the run reports as identifiers that identify no one. The model reads columns, so it runs as dbt compiled it."""

from __future__ import annotations

import duckdb

from orchestration.warehouse.dbt import DbtProject


def test_placeholders_are_counted_by_value_and_by_row(project: DbtProject) -> None:
    """Phones of the CRM: 0000000 in two spellings, null once, a real one; two cookies have too many orders a day."""
    (file,) = (project.target_path / "compiled").rglob("quality/identity/unusable_identifier.sql")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{project.settings.warehouse_path}' as everything (read_only)")
        connection.execute("attach ':memory:' as warehouse; create schema warehouse.staging")
        tables = connection.execute("""
            select table_name, string_agg(format('"{}" {}', column_name, data_type), ', ')
            from duckdb_columns() where database_name = 'everything' and schema_name = 'staging' group by table_name
        """).fetchall()
        for table, columns in tables:
            connection.execute(f"create table warehouse.staging.{table} ({columns})")
        connection.execute("""
            insert into warehouse.staging.crm__source_record by name
            select unnest(['0000000', '000-0000', 'null', '+31 6 5550 1234', ' ']) as phone;
            create schema warehouse.intermediate;
            create table warehouse.intermediate.int_shared_identifier as
            select 'cookie' as identifier_kind, unnest(['a', 'b']) as identifier_value, 'orders' as measure,
                unnest([70, 90]) as count_on_busiest_day, 40 as most_per_day
        """)
        rows = connection.execute(file.read_text()).fetchall()
    assert sorted(rows) == [
        ("all", "interaction", "cookie", "too many orders on one day", 2, 160, 40),
        ("crm", "source_record", "phone", "placeholder", 2, 3, None),
    ]
