"""One bad row must not stop a firm: it waits in quarantine with its place, its reason and the remedy; the rest goes on.

A firm of its own with one bad row of every kind, and good rows of other trades: a shop of 1997, yen, business with
companies. Every figure follows from the rows below.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from golden import files_digest, home_of
from pipeline.installation import Installation, Said, WarmCommand

SWITCH = "{{ config(enabled=context360.adapter_is_on()) }}\n"
CATALOG = """\
catalog: rows
as_of: 2025-07-01
systems:
  till:
    connector: files
    location: deliveries
    streams:
      people: {path: "people.csv", format: csv, key: [person_no]}
      lines: {path: "lines_*.csv", format: csv, key: [line_no]}
      answers: {path: "answers.csv", format: csv, key: [answer_no]}
      consents: {path: "consents.csv", format: csv, key: [consent_no]}
"""
COLUMNS = {
    "people": ["person_no", "name", "card"],
    "lines": ["line_no", "receipt", "kind", "touchpoint", "who", "sold_at", "net", "currency", "original"],
    "answers": ["answer_no", "who", "answered_at", "score"],
    "consents": ["consent_no", "who", "purpose", "channel", "granted", "changed_at"],
}
MOMENTS = {"lines": "sold_at", "answers": "answered_at", "consents": "changed_at"}
CONTRIBUTIONS = {
    "source_record": "select person_no as source_record_id, name as family_name from {{ ref('stg_till__people') }}",
    "identifier": """
select person_no as source_record_id, 'person_no' as identifier_kind, person_no as identifier_value
from {{ ref('stg_till__people') }}
union all
select person_no as source_record_id, 'card_no' as identifier_kind, card as identifier_value
from {{ ref('stg_till__people') }}
""",
    "order_line": """
select
    receipt as order_id, line_no as order_line_id, kind as line_kind, touchpoint,
    case who when 'nobody' then 'persn_no' else 'person_no' end as identifier_kind,
    who as identifier_value, sold_at as ordered_at, cast(net as decimal(38, 12)) as net_amount, currency,
    original as original_order_id
from {{ ref('stg_till__lines') }}
""",
    "survey_answer": """
select
    answer_no as survey_answer_id, 'survey_answer' as touchpoint, 'person_no' as identifier_kind,
    who as identifier_value, 'nps' as survey_kind, true as is_about_satisfaction,
    cast(score as decimal(9, 2)) as score, 0 as scale_minimum, 10 as scale_maximum, answered_at
from {{ ref('stg_till__answers') }}
""",
    "consent": """
select
    consent_no as source_consent_id, 'person_no' as identifier_kind, who as identifier_value, purpose, channel,
    granted = '1' as is_granted, changed_at
from {{ ref('stg_till__consents') }}
""",
}
PEOPLE = [f"P{number},Family{number},K73{number // 2}91" for number in range(10)]
GOOD_LINES = [
    "G1,RG1,purchase,store_purchase,P1,1997-01-05 10:00:00,12.345,USD,",  # CDs of 1997; a third decimal stays
    "G2,RG2,purchase,store_purchase,P2,2025-01-05 10:00:00,1250000,JPY,",
    "G3,RG3,purchase,store_purchase,P3,2025-01-05 10:00:00,5000000,EUR,",  # business with companies
    "G4,RG4,return,store_return,P1,2025-01-06 10:00:00,-2.000001,EUR,RB1",  # refers to a quarantined order
    "G5,RB2,purchase,store_purchase,P1,2025-01-06 10:00:00,1,EUR,",  # its sister line is in quarantine
]
# Line, and the rule that it breaks.
BAD_LINES = {
    "B1,RB1,purchase,store_purchase,P1,0001-01-01 00:00:00,10,EUR,": "ordered_at_is_out_of_range",
    "B2,RB2,purchase,store_purchase,P1,1970-01-01 00:00:00,10,EUR,": "ordered_at_is_out_of_range",
    "B3,RB3,purchase,store_purchase,P1,2099-01-01 00:00:00,10,EUR,": "ordered_at_is_out_of_range",
    "B4,RB4,purchase,store_purchase,P1,2025-01-05 10:00:00,2000000000,EUR,": "net_amount_is_out_of_range",
    "B5,RB5,purchase,store_purchase,P1,2025-01-05 10:00:00,10,,": "currency_is_missing",
    "B6,RB6,purchase,store_purchase,P1,2025-01-05 10:00:00,10,€,": "currency_is_unknown",
    "B7,RB7,sale,store_purchase,P1,2025-01-05 10:00:00,10,EUR,": "line_kind_is_unknown",
    "B8,RB8,purchase,store_sale,P1,2025-01-05 10:00:00,10,EUR,": "touchpoint_is_unknown",
    "B9,RB9,purchase,store_purchase,P1,2025-01-05 10:00:00,-40,EUR,": "purchase_is_negative",
    "B10,RB10,return,store_return,P1,2025-01-05 10:00:00,80,EUR,": "return_is_positive",
    "B11,RB11,purchase,store_purchase,nobody,2025-01-05 10:00:00,10,EUR,": "identifier_kind_is_unknown",
    "B12,RB12,purchase,store_purchase,P1,2025-01-05 10:00:00,1234567890123,EUR,": "value_does_not_fit",
}
ANSWERS = ["A1,P1,2025-02-01 10:00:00,9", "A2,P2,2025-02-01 10:00:00,11"]
CONSENTS = [
    "C1,P1,marketing,email,1,2025-02-01 10:00:00",
    "C2,P2,newsletters,email,1,2025-02-01 10:00:00",
    "C3,P2,marketing,fax,1,2025-02-01 10:00:00",
]


def base_model(stream: str) -> str:
    moment = MOMENTS.get(stream)
    read = [
        f"{{{{ context360.clean_text('{column}') }}}} as {column}" for column in COLUMNS[stream] if column != moment
    ]
    if moment:
        read += [
            f"{{{{ context360.clean_text('{moment}') }}}} as raw_{moment}", f"cast({moment} as timestamp) as {moment}"
        ]  # fmt: skip
    selected = ",\n        ".join([*read, "{{ context360.landing_columns() }}"])
    parsed = f", parsed=['{moment}']" if moment else ""
    return (
        "{{ config(materialized='table', enabled=context360.adapter_is_on()) }}\n"
        f"with renamed as (\n    select\n        {selected}\n    from {{{{ source('till', '{stream}') }}}}\n)\n"
        f"{{{{ context360.judged_rows('renamed', key=['{COLUMNS[stream][0]}']{parsed}) }}}}\n"
    )


def write_firm(firm: Path) -> None:
    staging = firm / "models" / "staging" / "till"
    staging.mkdir(parents=True)
    tables = "".join(
        f"      - name: {stream}\n        columns:\n"
        + "".join(f"          - {{name: {column}, data_type: varchar}}\n" for column in columns)
        for stream, columns in COLUMNS.items()
    )
    enabled = "{{ 'till' in var('adapters', {}) }}"
    (staging / "_till__sources.yml").write_text(
        f'version: 2\nsources:\n  - name: till\n    config: {{enabled: "{enabled}"}}\n    tables:\n{tables}'
    )
    for stream in COLUMNS:
        (staging / f"base_till__{stream}.sql").write_text(base_model(stream))
        (staging / f"stg_till__{stream}.sql").write_text(SWITCH + "{{ context360.staged_rows() }}\n")
    for stream, query in CONTRIBUTIONS.items():
        (staging / f"till__{stream}.sql").write_text(SWITCH + query.strip() + "\n")
    (firm / "catalog.yaml").write_text(CATALOG)
    deliveries = firm / "deliveries"
    deliveries.mkdir(exist_ok=True)
    for file, stream, rows in (
        ("people", "people", PEOPLE), ("lines_1", "lines", GOOD_LINES), ("lines_2", "lines", list(BAD_LINES)),
        ("answers", "answers", ANSWERS), ("consents", "consents", CONSENTS),
    ):  # fmt: skip
        (deliveries / f"{file}.csv").write_text("\n".join([",".join(COLUMNS[stream]), *rows]) + "\n")


@pytest.fixture(scope="module")
def firm(warm: WarmCommand) -> Iterator[tuple[Installation, Said]]:
    """The firm after one run up to core."""

    def installation(folder: Path) -> Installation:
        return Installation(folder / "firm", warm=warm)

    def make(folder: Path) -> None:
        assert warm("init", folder / "firm", variables={}).code == 0
        write_firm(folder / "firm")
        said = installation(folder).run("--until", "core", "--no-train")
        assert said.code == 0, said.text
        (folder / "said.txt").write_text(said.text)

    folder = home_of("row_rules", make, inputs=files_digest(Path(__file__)))
    yield installation(folder), Said(0, (folder / "said.txt").read_text())


def test_every_bad_row_is_in_quarantine_with_its_place(firm: tuple[Installation, Said]) -> None:
    company, _ = firm
    found = company.built(
        "select row_key, quarantine_rule, source_file, source_row, stream from quality.quarantine"
        " where canonical_stream = 'order_line'"
    )
    expected = [
        (f"{line.split(',')[1]} / {line.split(',')[0]}", rule, "lines_2.csv", number, "lines")
        for number, (line, rule) in enumerate(BAD_LINES.items(), start=1)
    ]
    assert sorted(found) == sorted(expected)
    others = "select row_key, quarantine_rule from quality.quarantine where canonical_stream <> 'order_line' order by 1"
    assert company.built(others) == [
        ("A2", "score_is_off_its_scale"), ("C2", "purpose_is_unknown"), ("C3", "channel_is_unknown"),
    ]  # fmt: skip


def test_all_other_rows_are_in_core_with_all_their_decimals(firm: tuple[Installation, Said]) -> None:
    company, _ = firm
    lines = "select source_order_line_id, net_amount, currency from core.fct_order_line order by 1"
    assert company.built(lines) == [
        ("G1", Decimal("12.345"), "USD"), ("G2", Decimal("1250000"), "JPY"), ("G3", Decimal("5000000"), "EUR"),
        ("G4", Decimal("-2.000001"), "EUR"), ("G5", Decimal("1"), "EUR"),
    ]  # fmt: skip
    dates = "select ordered_date_key from core.fct_order_line where source_order_line_id = 'G1'"
    assert company.built(dates) == [(19970105,)]
    assert company.built("select count(*) from core.fct_survey_answer") == [(1,)]
    assert company.built("select count(*) from core.fct_consent") == [(1,)]


def test_rows_landed_are_rows_published_and_rows_in_quarantine(firm: tuple[Installation, Said]) -> None:
    company, _ = firm
    ledger = "select stream, landed_rows, staged_rows, withheld_rows, difference from quality.row_ledger order by 1"
    assert company.built(ledger) == [
        ("answers", 2, 2, 1, 0), ("consents", 3, 3, 2, 0), ("lines", 17, 17, 12, 0), ("people", 10, 10, 0, 0),
    ]  # fmt: skip
    contributions = "select sum(contributed_rows), sum(published_rows), sum(quarantined_rows), sum(abs(difference))"
    assert company.built(f"{contributions} from intermediate.int_contribution_ledger") == [(52, 37, 15, 0)]


def test_orders_that_lack_a_line_are_counted(firm: tuple[Installation, Said]) -> None:
    """RB1 is gone as a whole, and the return G4 refers to it; of RB2, G5 is published."""
    company, said = firm
    orders = (
        "select order_id, quarantined_lines, published_lines, referring_rows from quality.incomplete_order"
        " where published_lines + referring_rows > 0 order by 1"
    )
    assert company.built(orders) == [("RB1", 1, 0, 1), ("RB2", 1, 1, 0)]
    assert "Incomplete: 2 orders of till with 2 lines in quarantine; 1 of their lines and 1 row that refer" in said.text


def test_summary_and_status_name_row_and_remedy(firm: tuple[Installation, Said]) -> None:
    company, said = firm
    sentence = (
        "1 line_kind_is_unknown, as in order_line RB7 / B7, lines_2.csv, row 7: line_kind `sale` is none of purchase, "
        "return: map it to one of them in the contribution to order_line."
    )
    assert "In quarantine: 12 rows of till/lines (" in said.text
    for text in (said.text, company.status().text):
        assert sentence in text
    (purpose,) = company.built("select quarantine_reason from quality.quarantine where row_key = 'C2'")
    assert purpose == (
        "purpose `newsletters` is unknown; known is marketing, profiling, service: correct it, or add it to "
        "seeds/own_data_purposes.csv",
    )


def test_identifier_that_records_share_and_no_rule_names_is_reported(firm: tuple[Installation, Said]) -> None:
    """Ten people have five cards."""
    _, said = firm
    assert "card_no is shared by 10 records; no rule links by it; add it to identity_rules.yml under rules" in said.text


def test_contribution_to_an_unknown_stream_is_an_error_with_the_nearest_name(
    firm: tuple[Installation, Said], tmp_path: Path, warm: WarmCommand
) -> None:
    company, _ = firm
    copy = company.copy_to(tmp_path / "copy")
    staging = copy.folder / "models" / "staging" / "till"
    (staging / "till__order_line.sql").rename(staging / "till__orders.sql")
    said = copy.run("--until", "staging")
    assert said.code == 2
    assert "models/staging/till/till__orders.sql: there is no canonical stream 'orders'" in said.text
    assert "rename it to models/staging/till/till__order_line.sql" in said.text
