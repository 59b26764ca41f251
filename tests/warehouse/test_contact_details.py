"""Contact details have one standard form for comparison."""

import pyarrow as pa
import pytest

from orchestration.warehouse.contact_details import country_code, e164, e164_column


@pytest.mark.parametrize(
    ("written", "country", "expected"),
    [
        ("06 12345678", "NL", "+31612345678"),
        ("06-12 34 56 78", "Nederland", "+31612345678"),
        ("0031 6 12345678", None, "+31612345678"),
        ("+31 (0)6 12345678", "DE", "+31612345678"),
        ("0151 23456789", "Deutschland", "+4915123456789"),
        ("0470/12.34.56", "België", "+32470123456"),
        ("(983)566-0706x952", "US", "+19835660706"),
        ("001-983-566-0706", "US", "+19835660706"),
        ("983.566.0706", "United States", "+19835660706"),
        # Not a possible number: too short, no digits, or without a country.
        ("-6854", "US", None),
        ("geen telefoon", "NL", None),
        ("06 12345678", None, None),
        ("", "NL", None),
        (None, "NL", None),
    ],
)
def test_a_number_has_one_form_however_it_is_written(written: str | None, country: str | None, expected: str | None):
    assert e164(written, country) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nl", "NL"), ("The Netherlands", "NL"), ("Nederland", "NL"), ("Niederlande", "NL"), ("Pays-Bas", "NL"),
        ("DEUTSCHLAND", "DE"), ("Belgique", "BE"), (" België ", "BE"), ("USA", "US"), ("United States", "US"),
        ("Atlantis", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_country_is_recognised_by_code_and_by_name_in_several_languages(text: str | None, code: str | None):
    assert country_code(text) == code


def test_columns_keep_their_length_and_their_nulls():
    phones = pa.chunked_array([pa.array(["06 12345678", None]), pa.array(["nonsense"])])
    countries = pa.chunked_array([pa.array(["NL", "NL", "NL"])])
    assert e164_column(phones, countries).to_pylist() == ["+31612345678", None, None]
