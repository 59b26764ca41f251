"""Accuracy of linking on data sets whose truth is known, beside a plain Splink configuration in the same run.

One default configuration for all of them. Data sets that are not at hand are left out and named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

Build = Callable[[duckdb.DuckDBPyConnection], None]


def data_sets(folder: Path, seeds: list[int], customers: int) -> Iterator[tuple[str, Build]]:
    """Name and builder of each data set that is at hand."""
    from identity import datasets

    from examples.veloheld.generator.company import create

    for seed in seeds:
        company = folder / f"demo_{seed}"
        create(company, customers=customers, days=548, seed=seed)
        yield f"demo company, seed {seed}", lambda connection, company=company: datasets.demo(connection, company)
    if datasets.CONTOSO.is_dir():
        yield "Contoso", lambda connection: datasets.contoso(connection, with_email=True)
        yield "Contoso without e-mail", lambda connection: datasets.contoso(connection, with_email=False)
    else:
        print(f"Contoso is left out: {datasets.CONTOSO} is not there.")
    if datasets.FEBRL:
        for number in (1, 2, 3, 4):
            yield f"FEBRL {number}", lambda connection, number=number: datasets.febrl(connection, number)
    else:
        print("FEBRL is left out: make .venv-reference/installed brings it.")
    yield "synthetic, three systems", lambda connection: datasets.synthetic(connection, 10_000)
    yield (
        "synthetic, many sparse records of each person",
        lambda connection: datasets.synthetic(
            connection, 20_000, seed=3, mean_records=8, missing=0.35, errors=0.25, systems=1
        ),
    )


def main() -> None:
    """Prints the table; with --html also writes it as a page."""
    from identity.measures import accuracy
    from identity.plain_splink import link_plainly

    from orchestration.identity.linking import link_records

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--customers", type=int, default=4_000)
    parser.add_argument("--html", type=Path)
    arguments = parser.parse_args()
    table = Table("data set", "records", "true pairs", "linking", "precision", "recall", "F1", "B³ P", "B³ R", "B³ F1",
                  "wrong pairs", "missed", "s")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name, build in data_sets(Path(folder), arguments.seeds, arguments.customers):
            for kind in ("ours", "plain Splink"):
                connection = duckdb.connect()
                connection.execute("set threads = 2")
                build(connection)
                start = time.perf_counter()
                if kind == "ours":
                    found = link_records(connection, "records").assignments
                else:
                    link_plainly(connection)
                    found = "plain"
                seconds = time.perf_counter() - start
                result = accuracy(connection, found)
                row = connection.execute("select count(*) from records").fetchone()
                assert row is not None
                shares = (result.precision, result.recall, result.f1, result.b_cubed_precision, result.b_cubed_recall,
                          result.b_cubed_f1)  # fmt: skip
                table.add_row(
                    name if kind == "ours" else "",
                    f"{row[0]:,}" if kind == "ours" else "",
                    f"{result.true_pairs:,}" if kind == "ours" else "",
                    kind,
                    *(f"{share:.5f}" for share in shares),
                    f"{result.found_pairs - result.right_pairs:,}",
                    f"{result.true_pairs - result.right_pairs:,}",
                    f"{seconds:.1f}",
                )
    console = Console(record=True, width=150)
    console.print(table)
    if arguments.html:
        console.save_html(str(arguments.html))


if __name__ == "__main__":
    main()
