"""`context360 coverage`: questions, the streams that they need, and what is there."""

from __future__ import annotations

from pathlib import Path

import yaml

from orchestration.firm.folder import canonical_streams
from orchestration.serving import coverage
from orchestration.serving.coverage import coverage_of
from orchestration.settings import DBT_PACKAGE

ENTRIES = yaml.safe_load(Path(coverage.__file__).with_name("coverage.yml").read_text())


def _streams(needs: list[object]) -> set[str]:
    return {stream for need in needs for stream in (need if isinstance(need, list) else [need])}


def test_questions_name_streams_and_tables_that_exist() -> None:
    tables = {file.stem for part in ("core", "marts") for file in (DBT_PACKAGE / "models" / part).rglob("*.sql")}
    for entry in ENTRIES:
        assert _streams([*entry["needs"], *entry.get("helps", [])]) <= set(canonical_streams())
        assert set(entry["tables"]) <= tables


def test_every_canonical_stream_serves_a_question() -> None:
    named = {stream for entry in ENTRIES for stream in _streams([*entry["needs"], *entry.get("helps", [])])}
    assert named == set(canonical_streams())


def test_firm_with_orders_only_answers_for_purchases_and_says_what_the_rest_needs() -> None:
    found = {each.question: each for each in coverage_of({"source_record": ["till"], "order_line": ["till"]})}
    bought = found["What have they bought, and what are they worth?"]
    assert (bought.is_answered, bought.systems) == (True, ("till",))
    asked = found["May we approach them, and for which purpose?"]
    assert (asked.is_answered, asked.missing) == (False, ("consent",))
    doing = found["What are they doing now?"]
    assert doing.missing == ("interaction or position or device_reading or cart_line",)
