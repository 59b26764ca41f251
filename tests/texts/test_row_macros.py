"""The macros about rows: which line of a document a row is, and which delivery is the newest."""

from __future__ import annotations

import duckdb
from texts.text_macros import compiled


def test_lines_of_a_receipt_are_counted_in_the_order_of_the_file() -> None:
    """Receipt R1 stands in rows 5, 7 and 12 of a file, and begins anew in another file and in a later load."""
    rows = duckdb.sql(f"""
        select _dlt_load_id, _source_file, _source_row, {compiled("line_number(['receipt'])")} as line
        from (values
            ('1.5', 'a.csv', 12, 'R1'), ('1.5', 'a.csv', 5, 'R1'), ('1.5', 'a.csv', 6, 'R2'), ('1.5', 'a.csv', 7, 'R1'),
            ('1.5', 'b.csv', 3, 'R1'), ('2.5', 'a.csv', 5, 'R1')
        ) as landed (_dlt_load_id, _source_file, _source_row, receipt)
        order by 1, 2, 3
    """).fetchall()
    assert [(load, file, row, line) for load, file, row, line in rows] == [
        ("1.5", "a.csv", 5, 1), ("1.5", "a.csv", 6, 1), ("1.5", "a.csv", 7, 2), ("1.5", "a.csv", 12, 3),
        ("1.5", "b.csv", 3, 1), ("2.5", "a.csv", 5, 1),
    ]  # fmt: skip


def test_newest_delivery_of_a_table_is_that_of_the_latest_day_and_not_of_the_latest_load() -> None:
    """The first of January is loaded again after the second; a file that is replaced has no day of its own."""
    landed = """(values
        ('100.5', date '2025-01-01'), ('200.5', date '2025-01-02'), ('300.5', date '2025-01-01')
    ) as landed (_dlt_load_id, _source_day)"""
    for delivery, newest in (("snapshot", "200.5"), ("replace", "300.5")):
        version = compiled(f"_delivery_version('{delivery}')")
        assert duckdb.sql(f"select max_by(_dlt_load_id, {version}) from {landed}").fetchall() == [(newest,)]
