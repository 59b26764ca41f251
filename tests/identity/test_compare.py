"""Other rules, compared on a world of six records; expected values are worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from identity.conftest import COLUMNS
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.firm.state import bring_up_to_date
from orchestration.identity.compare import ComparisonError, check_rules, compare_rules
from orchestration.identity.linking import link_records

# Anna is in the CRM and, with her telephone only, in the shop. Bas and a Visser, whose given name is unknown, have
# had the same telephone number: two full names would keep them apart under any rule.
PEOPLE = [
    ("crm", "1", "Anna", "Smit", "anna@post.example", "+31600000001"),
    ("shop", "2", None, None, None, "+31600000001"),
    ("crm", "3", "Bas", "Bakker", "bas@post.example", "+31600000002"),
    ("shop", "4", None, "Visser", "cor@post.example", "+31600000002"),
    ("crm", "5", "Dirk", "Mulder", "dirk@post.example", "+31600000003"),
    ("shop", "6", "Dirk", "Mulder", "dirk@post.example", "+31600000004"),
]
BY_PHONE = "rules: [{identifier: phone, sharing: one_person, reason: a trial}, {identifier: email, reason: as before}]"
PERSONAL = ("anna", "smit", "bas@", "visser", "3160000", "post.example")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse in which the six are five customers, with two orders and three consents."""
    home = tmp_path_factory.mktemp("home")
    bring_up_to_date(home)  # a home of this version
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute(f"""
            create schema intermediate; create schema core;
            create table intermediate.int_source_record ({COLUMNS});
            create table intermediate.int_identifier (
                source_system varchar, source_record_id varchar, identifier_kind varchar, identifier_value varchar
            );
            create table intermediate.int_order_line (
                source_system varchar, order_id varchar, identifier_kind varchar, identifier_value varchar,
                ordered_at timestamp, net_amount decimal(18, 2), currency varchar
            );
            create table intermediate.int_booking as
            select source_system, order_id as booking_id, identifier_kind, identifier_value, ordered_at as started_at,
                net_amount, currency
            from intermediate.int_order_line;
            create table intermediate.int_interaction (
                source_system varchar, touchpoint varchar, identifier_kind varchar, identifier_value varchar,
                happened_at timestamp
            );
            create table intermediate.int_consent (
                source_system varchar, identifier_kind varchar, identifier_value varchar, purpose varchar,
                channel varchar, is_granted boolean, changed_at timestamp
            );
            create table core.dim_touchpoint as select 'call' as touchpoint, 20 as engagement_points;
        """)
        connection.executemany(
            "insert into intermediate.int_source_record"
            " (source_system, source_record_id, given_name, family_name, email, phone) values (?, ?, ?, ?, ?, ?)",
            PEOPLE,
        )
        connection.execute("""
            insert into intermediate.int_identifier
            select source_system, source_record_id, 'number', source_record_id from intermediate.int_source_record
            union all
            select source_system, source_record_id, 'email', email from intermediate.int_source_record where email <> ''
            union all
            select source_system, source_record_id, 'phone', phone from intermediate.int_source_record;
            insert into intermediate.int_order_line values
                ('shop', 'o1', 'number', '2', '2025-01-01', 100, 'EUR'),
                ('shop', 'o2', 'number', '4', '2025-01-02', 50, 'EUR');
            insert into intermediate.int_interaction values
                ('shop', 'call', 'phone', '+31600000001', '2025-01-03'),
                ('shop', 'call', 'phone', '+31600000002', '2025-01-03');
            insert into intermediate.int_consent values
                ('crm', 'number', '1', 'marketing', 'email', true, '2025-01-01'),
                ('crm', 'number', '2', 'marketing', 'email', false, '2025-01-01'),
                ('crm', 'number', '5', 'marketing', 'email', true, '2025-01-01');
        """)
        link_records(connection, "intermediate.int_source_record", identifiers="intermediate.int_identifier")
    return home


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "by_phone.yml"
    file.write_text(BY_PHONE)
    return file


def test_phone_as_a_linking_rule_merges_people_and_moves_their_activity(home: Path, rules: Path) -> None:
    found = compare_rules(home / "warehouse.duckdb", rules)
    assert (found.records, found.customers_before, found.customers_after) == (6, 5, 3)
    assert (found.merges, found.merged_customers, found.splits, found.moved_records) == (2, 4, 0, 2)
    # Anna's two records are one, and so, wrongly, are Bas and Cor: the rule believes the telephone against their names.
    merged = {(tuple(record.split()[0] for record in one.records), one.because) for one in found.merge_examples}
    assert merged == {(("crm", "shop"), "phone")}
    assert {one.after[0] for one in found.merge_examples} == {one.before[0] for one in found.merge_examples} == {1, 2}
    moved = {one.what: one for one in found.moved}
    # The orders of 100 and 50 move with the shop's records; each telephone, now of one customer, identifies the caller.
    assert (moved["revenue EUR"].total, moved["revenue EUR"].to_another_customer) == (150, 150)
    assert (moved["interactions"].becomes_known, moved["interactions"].to_another_customer) == (2, 0)
    assert moved["consents"].to_another_customer == 1
    assert found.conflicting_consents == 1
    # Customers 1 and 2 get 100 and 50, which two other numbers lose; and 20 points each for the calls.
    assert found.rescored["customer value"] == 4
    assert found.rescored["engagement points"] == 2


def test_same_rules_change_nothing(home: Path, tmp_path: Path) -> None:
    (tmp_path / "same.yml").write_text("")
    found = compare_rules(home / "warehouse.duckdb", tmp_path / "same.yml")
    assert found.is_same
    assert set(found.rescored.values()) == {0}
    assert not any(one.to_another_customer or one.becomes_known or one.becomes_unknown for one in found.moved)


def test_reviewed_decision_overrules_the_other_rules(home: Path, rules: Path, tmp_path: Path) -> None:
    decisions = tmp_path / "decisions.yml"
    decisions.write_text("not_same: [{records: [crm/1, shop/2], reason: a}, {records: [crm/3, shop/4], reason: b}]")
    assert compare_rules(home / "warehouse.duckdb", rules, decisions=decisions).is_same


def test_command_only_reads_the_warehouse_and_shows_no_personal_data(home: Path, rules: Path) -> None:
    before = (home / "warehouse.duckdb").read_bytes()
    for option in ([], ["--json"]):
        shown = CliRunner().invoke(app, ["identity", "compare", str(rules), "--home", str(home), *option])
        assert shown.exit_code == 1, shown.output
        assert not [value for value in PERSONAL if value in shown.output.lower()]
    assert json.loads(shown.stdout)["merges"] == 2
    assert (home / "warehouse.duckdb").read_bytes() == before
    assert {file.name for file in home.iterdir()} == {"state.yaml", "warehouse.duckdb"}


def test_command_exits_with_0_if_nothing_would_change(home: Path, tmp_path: Path) -> None:
    (tmp_path / "same.yml").write_text("# as they are\n")
    shown = CliRunner().invoke(app, ["identity", "compare", str(tmp_path / "same.yml"), "--home", str(home)])
    assert (shown.exit_code, "Nothing would change" in shown.output) == (0, True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no rules file"),
        ("rules: [", "line 1 is not valid YAML"),
        ("- a list", "is not a mapping of sections"),
        ("probabilty: {link: 0.9}", "sets probabilty, which is not a setting"),
        ("probability: {lnk: 0.9}", "sets probability.lnk, which is not a setting"),
        ("rules: [{identifier: phone, sharing: sometimes, reason: x}]", "sharing behaviour"),
        ("probability: 0.9", "probability is not a section: write its settings below it"),
    ],
)
def test_unusable_rules_file_is_reported_in_one_sentence(
    content: str | None, words: str, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ComparisonError, match=words):
        check_rules(file)
    shown = CliRunner().invoke(app, ["identity", "compare", str(file), "--home", str(home)])
    assert shown.exit_code == 2
    assert words in shown.output
    assert len(shown.output.strip().splitlines()) == 1


def test_command_without_a_warehouse_names_the_remedy(rules: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["identity", "compare", str(rules), "--home", str(tmp_path / "none")])
    assert shown.exit_code == 2
    assert "start `context360 run`" in shown.output
