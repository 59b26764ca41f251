"""Measures of a linking against the truth: pairwise and B-cubed precision, recall and F1, counted in the engine."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class Accuracy:
    """Pairwise: of pairs of records. B-cubed (Bagga and Baldwin 1998): per record, of the records it is put with."""

    true_pairs: int
    found_pairs: int
    right_pairs: int
    b_cubed_precision: float
    b_cubed_recall: float

    @property
    def precision(self) -> float:
        return self.right_pairs / self.found_pairs if self.found_pairs else 1.0

    @property
    def recall(self) -> float:
        return self.right_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        return _harmonic(self.precision, self.recall)

    @property
    def b_cubed_f1(self) -> float:
        return _harmonic(self.b_cubed_precision, self.b_cubed_recall)


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def accuracy(connection: duckdb.DuckDBPyConnection, found: str, truth: str = "truth") -> Accuracy:
    """Holds `found` (source_system, source_record_id, customer_id) against `truth` (…, person), same records."""
    connection.execute(f"""
        create or replace temp table cell as
        select person, customer_id, count(*) as records
        from {truth} inner join {found} using (source_system, source_record_id)
        group by all
    """)

    def pairs(column: str) -> str:
        return (
            f"(select coalesce(sum(n * (n - 1) // 2), 0) from (select sum(records) as n from cell group by {column}))"
        )

    row = connection.execute(f"""
        with person_size as (select person, sum(records) as size from cell group by person),
        customer_size as (select customer_id, sum(records) as size from cell group by customer_id)
        select
            {pairs("person")},
            {pairs("customer_id")},
            (select coalesce(sum(records * (records - 1) // 2), 0) from cell),
            coalesce(sum(records * records / customer_size.size) / sum(records), 1),
            coalesce(sum(records * records / person_size.size) / sum(records), 1)
        from cell
        inner join person_size using (person)
        inner join customer_size using (customer_id)
    """).fetchone()
    assert row is not None
    return Accuracy(int(row[0]), int(row[1]), int(row[2]), float(row[3]), float(row[4]))
