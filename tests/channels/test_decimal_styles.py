"""A stream whose numbers change from a decimal comma to a point, or back, is held before staging reads it."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.channels.intake.decimal_styles import decimal_styles
from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.channels.intake.stream_status import StreamState
from orchestration.channels.intake.take_in import take_in

if TYPE_CHECKING:
    from tests.channels.conftest import Bench

COMMA = ["12,50", "1.234,56", "7"]


@pytest.fixture(scope="module")
def with_commas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bench whose stream has accepted a load with decimal commas. Not to be changed."""
    from tests.channels.conftest import Bench

    bench = Bench(tmp_path_factory.mktemp("with commas"))
    assert delivered(bench, "a", COMMA).state == "current"
    return bench.folder


@pytest.fixture
def bench(with_commas: Path, tmp_path: Path) -> Bench:
    """A bench of its own whose stream has accepted a load with decimal commas."""
    from tests.channels.conftest import Bench

    bench = Bench(tmp_path)
    shutil.copytree(with_commas, tmp_path, dirs_exist_ok=True)
    return bench


def delivered(bench: Bench, name: str, amounts: list[str], new_warehouse: bool = False) -> StreamState:
    """The state of the stream after a file with these amounts."""
    rows = "".join(f"{name}{number};{amount}\n" for number, amount in enumerate(amounts))
    (bench.data / f"{name}.csv").write_text("id;net\n" + rows)
    if new_warehouse:
        (bench.folder / "warehouse.duckdb").unlink()
    catalog = bench.files("lines: {path: '*.csv', format: csv, delimiter: ';', key: [id]}")
    ((system, stream),) = catalog.streams()
    declared = {"id": "VARCHAR", "net": "VARCHAR"}
    with duckdb.connect(str(bench.folder / "warehouse.duckdb")) as connection:
        source = StreamSource(system, stream, bench.landing_url, bench.working_dir, declared)
        return take_in(connection, source, IntakeRun("a run", datetime(2025, 2, 1)))[0]


@pytest.mark.parametrize(
    ("amounts", "state"),
    [
        (["99,90", "3"], "current"),
        (["12.50", "7.25"], "held"),
        (["1,234.56", "0.99"], "held"),
        (["12.50", "1.234"], "held"),  # the second would be read as 1234
        (["12.50", "8"], "current"),  # one odd value is a row for quarantine
        (["12.50", "1,234.56", "1234.56", "1.234,56"], "current"),  # mixed: staging quarantines three
        (["1.234", "5.678"], "current"),  # thousands, as before
        ([], "current"),
    ],
)
def test_load_in_another_decimal_style_is_held(bench: Bench, amounts: list[str], state: str) -> None:
    assert delivered(bench, "b", amounts or ["1"]).state == state


def test_held_load_names_file_column_both_styles_and_the_remedy(bench: Bench) -> None:
    assert delivered(bench, "b", ["12.50", "7.25"]).sentence == (
        "shop/lines: column net in b.csv has a decimal point (as in 1234.50), and earlier loads have a decimal comma "
        "(as in 1234,50). The load is held and the last good rows stay in use; deliver it as before, or, if the source "
        "has changed for good, give the stream a new name in the catalog with a staging model that reads the new "
        "style, and run again."
    )
    assert bench.rows("net", "shop/lines/rows") == [("1.234,56",), ("12,50",), ("7",)]
    assert delivered(bench, "b", ["12,50", "7,25"]).state == "current"


def test_style_is_known_in_a_rebuilt_warehouse_and_is_not_learned_from_held_loads(bench: Bench) -> None:
    assert delivered(bench, "b", ["12.50", "7.25"], new_warehouse=True).state == "held"
    assert delivered(bench, "c", ["13.50", "8.25"]).state == "held"


def test_columns_of_names_codes_and_days_have_no_decimal_style() -> None:
    rows = """
        select * from (values
            ('Bos, Anna', '01.06.2025', '12.50', '4711', 'f'), ('Vos, Jan', '02.06.2025', '1,234.5', '4712', 'f')
        ) as rows(name, day, net, code, _source_file)
    """
    assert decimal_styles(duckdb.connect(), rows, ["name", "day", "net", "code"]) == {"net": "point"}
