"""Which identifiers identify no one, as a table of values; and what a firm adds."""

from __future__ import annotations

import re

import duckdb
import pytest

from orchestration.firm.folder import FirmError, FirmFolder
from orchestration.firm.placeholders import is_placeholder, neutral_placeholders, patterns_by_kind, placeholders_of

PLACEHOLDERS = [
    ("null", "member_no"), ("N/A", "member_no"), ("-", "member_no"), ("?", "member_no"), ("0", "member_no"),
    ("\\N", "member_no"), ("-1", "member_no"), ("(not set)", "cookie"), ("n.v.t.", "member_no"), ("xxx", "member_no"),
    ("[object Object]", "device"), ("0000000", "loyalty_number"), ("99999", "loyalty_number"), ("test", "member_no"),
    ("123456789", "national_id"), ("111111111", "national_id"), ("987654321", "national_id"),
    ("078-05-1120", "national_id"), ("00000000-0000-0000-0000-000000000000", "device"),
    ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "device"), ("11111111-1111-1111-1111-111111111111", "cookie"),
    ("12345678-1234-1234-1234-123456789012", "device"), ("02:00:00:00:00:00", "device"),
    ("9774d56d682e549c", "device"), ("0123456789abcdef", "device"), ("noreply@shop.example", "email"),
    ("No-Reply@shop.example", "email"), ("none@none.com", "email"), ("none", "email"), ("+31000000000", "phone"),
]  # fmt: skip
IDENTIFIERS = [
    ("M270", "member_no"), ("1", "member_no"), ("42", "member_no"), ("1111", "member_no"), ("12345", "member_no"),
    ("100000", "member_no"), ("-abC", "cookie"), ("e02fb1", "cookie"), ("anna@example.com", "email"),
    ("nonette@mail.example", "email"), ("norah@mail.example", "email"), ("nora.ly@mail.example", "email"),
    ("+31687654021", "phone"), ("иван", "member_no"), ("noreply@shop.example", "member_no"), (None, "member_no"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "kind", "expected"), [(*case, True) for case in PLACEHOLDERS] + [(*case, False) for case in IDENTIFIERS]
)
def test_placeholder_is_distinguished_from_an_identifier(value: str | None, kind: str, expected: bool) -> None:
    judged = is_placeholder("value", "kind", placeholders_of(neutral_placeholders()))
    row = duckdb.execute(f"select {judged} from (select ?::varchar as value, ? as kind)", [value, kind]).fetchone()
    assert row == (expected,)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [("NULL", "loyalty_number", False), ("NULL", "member_no", True), ("n/a", "loyalty_number", True)],
)
def test_value_that_a_firm_calls_real_is_no_placeholder_of_its_kind(value: str, kind: str, expected: bool) -> None:
    """A customer whose card really says NULL: other kinds, and other placeholders of cards, stay placeholders."""
    real = {"kinds": "loyalty_number", "pattern": "null", "reason": "A family name.", "placeholder": False}
    judged = is_placeholder("value", "kind", placeholders_of([*neutral_placeholders(), real]))
    row = duckdb.execute(f"select {judged} from (select ?::varchar as value, ? as kind)", [value, kind]).fetchone()
    assert row == (expected,)


def test_every_pattern_has_a_reason_and_needs_no_escape() -> None:
    for entry in neutral_placeholders():
        assert entry["reason"].strip()
    for found in patterns_by_kind(placeholders_of(neutral_placeholders())).values():
        for pattern in found.values():
            re.compile(pattern)
            assert not set("'\\") & set(pattern)


def test_firm_adds_placeholders_and_a_wrong_entry_names_file_and_remedy(tmp_path) -> None:
    rules = tmp_path / "identity_rules.yml"
    rules.write_text("placeholder_identifiers: [{kinds: [card], pattern: walk.*, reason: The till writes it.}]")
    assert FirmFolder(tmp_path).placeholder_patterns()["card"] == {"placeholder": "(walk.*)"}
    rules.write_text("placeholder_identifiers: [{kinds: [card], pattern: walk.*}]")
    with pytest.raises(FirmError, match=r"identity_rules.yml, entry 1 of placeholder_identifiers: write the reason"):
        FirmFolder(tmp_path).placeholder_patterns()
