"""`context360 status` on a warehouse: lateness is counted from the moment that the catalog fixes."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestration.channels.intake.stream_status import StreamState, record_state
from orchestration.console.status import show_status
from orchestration.firm.state import bring_up_to_date
from orchestration.warehouse.connection import open_warehouse

NEWEST = datetime(2011, 12, 9)


@pytest.mark.parametrize(
    ("as_of", "words"), [("2011-12-10", "on time"), ("2011-12-20", "10 days late"), ("2011-12-10T18:00", "12.0 h late")]
)
def test_lateness_of_a_closed_data_set_is_counted_from_its_as_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_of: str, words: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(
        f"catalog: shop\nas_of: {as_of}\nsystems:\n  shop:\n    connector: files\n    location: .\n    streams:\n"
        "      orders: {path: '*.csv', format: csv, cadence: 1d}\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    bring_up_to_date(home)
    with open_warehouse(home / "warehouse.duckdb") as connection:
        due = datetime(2011, 12, 10, 6)
        state = StreamState("shop", "orders", "current", "", newest_at=NEWEST, expected_by=due, cadence=timedelta(1))
        record_state(connection, state, run_id="a run")
    assert show_status(catalog=str(catalog), home=home) == 0
    assert words in capsys.readouterr().out
