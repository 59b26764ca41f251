"""A firm's identity rules, laid over the neutral ones: what it leaves out stays, and a mistake is reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from identity.conftest import groups

from orchestration.identity.rules import RULES_FILE, Rules, RulesError, read_rules


def laid_over(folder: Path, *texts: str) -> Rules:
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"identity_rules_{number}.yml")
        files[-1].write_text(text, encoding="utf-8")
    return read_rules(*files)


def test_neutral_file_keeps_its_own_rules() -> None:
    assert read_rules(RULES_FILE) == read_rules()


@pytest.mark.parametrize("text", ["", "# nothing differs\n", "rules: []", "probability: {}", "placeholders: []"])
def test_what_a_firm_leaves_out_is_as_in_the_neutral_file(tmp_path: Path, text: str) -> None:
    assert laid_over(tmp_path, text) == read_rules()


def test_one_setting_of_a_section_changes_nothing_else(tmp_path: Path) -> None:
    assert laid_over(tmp_path, "probability: {link: 0.9}") == replace(read_rules(), link_probability=0.9)


def test_new_identifier_comes_before_all_others_and_a_known_one_keeps_its_place(tmp_path: Path) -> None:
    found = laid_over(
        tmp_path,
        """
        rules:
          - {identifier: phone, sharing: one_person, reason: a trial}
          - {identifier: member_no, sharing: one_person, reason: the club assigns it}
          - {identifier: locker, reason: couples share one}
        """,
    )

    neutral = [rule.identifier for rule in read_rules().rules]
    assert [rule.identifier for rule in found.rules] == ["member_no", "locker", *neutral]
    sharing = {rule.identifier: rule.sharing for rule in found.rules}
    assert (sharing["phone"], sharing["locker"]) == ("one_person", "may_be_shared")
    assert sharing["email"] == "may_be_shared"


def test_last_file_is_on_top(tmp_path: Path) -> None:
    found = laid_over(
        tmp_path,
        "{probability: {link: 0.8, near_miss: 0.02}, rules: [{identifier: locker, sharing: one_person, reason: a}]}",
        "{probability: {link: 0.9}, rules: [{identifier: locker, reason: b}]}",
    )

    assert (found.link_probability, found.near_miss_probability) == (0.9, 0.02)
    assert [(rule.sharing, rule.reason) for rule in found.rules if rule.identifier == "locker"] == [("one_person", "b")]


def test_firm_s_placeholders_and_titles_add_to_the_neutral_ones(tmp_path: Path) -> None:
    found = laid_over(tmp_path, "{placeholders: [walk in, test], titles: [ds]}")

    assert found.placeholders == (*read_rules().placeholders, "walk in")
    assert found.titles == (*read_rules().titles, "ds")


def test_neutral_placeholders_are_words(tmp_path: Path) -> None:
    """YAML reads an unquoted null as nothing: then a person called "null" would have a name."""
    assert {type(word) for word in read_rules().placeholders} == {str}
    assert "null" in read_rules().placeholders


def test_firm_s_identifier_links_records_and_one_switched_off_does_not(connection, given, tmp_path: Path) -> None:
    records = [
        {"key": "crm/1", "given_name": "Ann"},
        {"key": "shop/1", "email": "ann@example.com"},
        {"key": "shop/2", "email": "ann@example.com"},
    ]
    connection.execute("""
        create table identifiers as select * from (values
            ('crm', '1', 'member_no', 'M1'), ('shop', '1', 'member_no', 'M1'),
            ('shop', '1', 'email', 'ann@example.com'), ('shop', '2', 'email', 'ann@example.com')
        ) as v(source_system, source_record_id, identifier_kind, identifier_value)
    """)
    file = tmp_path / "identity_rules.yml"
    file.write_text("""
        rules:
          - {identifier: member_no, sharing: one_person, reason: the club assigns it}
          - {identifier: email, sharing: may_change_hands, reason: addresses of the club's computers}
    """)

    given(*records, identifiers="identifiers", rules_files=[file])
    assert groups(connection) == {frozenset({"crm/1", "shop/1"}), frozenset({"shop/2"})}
    given(*records, identifiers="identifiers")
    assert groups(connection) == {frozenset({"crm/1"}), frozenset({"shop/1", "shop/2"})}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: {identifier: phone}", "rules is not a list: write one identifier per line"),
        ("rules: [phone]", "rule 1: write identifier, sharing and reason, and nothing else."),
        ("rules: [{identifier: a, reason: x, limit: 3}]", "rule 1: write identifier, sharing and reason"),
        ("rules: [{reason: x}]", "rule 1 has no identifier: write its kind in snake_case, as in loyalty_number."),
        ("rules: [{identifier: Card's No, reason: x}]", "rule 1 has no identifier"),
        ("rules: [{identifier: locker}]", "rule 1 (locker) has no reason: write why records that share it"),
        ("rules: [{identifier: locker, reason: x, sharing: often}]", "write one of one_person, may_be_shared, may_c"),
        ("rules: [{identifier: a, reason: x}, {identifier: a, reason: y}]", "rule 2: a appears twice: keep one"),
        ("probability: {link: 1}", "probability.link cannot be 1: write a number between 0 and 1."),
        ("probability: {link: '0.9'}", "probability.link cannot be '0.9'"),
        ("nameless: {weight_of_belief: .nan}", "nameless.weight_of_belief cannot be nan: write a number above 0."),
        ("blocking: {pairs_per_record: 0}", "blocking.pairs_per_record cannot be 0: write a whole number above 0."),
        ("learning: {most_changed_share: 2}", "learning.most_changed_share cannot be 2: write a share from 0 to 1."),
        ("learning: {reason: 7}", "learning.reason cannot be 7: write a text."),
        ("placeholders: walk-in", "placeholders is not a list: write it as [first, second]."),
        ("placeholders: [null]", "placeholders cannot have None: write words in lower case, without punctuation."),
        ("titles: [d's]", 'titles cannot have "d\'s": write words in lower case'),
        ("titles: [Ds]", "titles cannot have 'Ds': write words in lower case"),
    ],
)
def test_mistake_is_reported_with_file_setting_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RulesError) as error:
        laid_over(tmp_path, text)

    assert message in str(error.value)
    assert str(error.value).startswith("identity_rules_0.yml")


def test_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "identity_rules.yml").write_bytes("titles: [fräulein]".encode("latin-1"))

    with pytest.raises(RulesError, match=r"identity_rules\.yml is not UTF-8 text: save it in UTF-8"):
        read_rules(tmp_path / "identity_rules.yml")


def test_neutral_rules_have_only_identifiers_of_any_firm() -> None:
    """A number that one firm's system assigns belongs in that firm's identity_rules.yml."""
    assert {rule.identifier for rule in read_rules().rules} == {
        "national_id", "loyalty_number", "email", "phone_and_birth_date", "phone",
    }  # fmt: skip


@pytest.mark.parametrize(("firm", "identifier"), [("veloheld", "crm_account_id"), ("contoso", "contact_id")])
def test_example_brings_its_cross_reference(firm: str, identifier: str) -> None:
    rules = read_rules(Path(__file__).parents[2] / "examples" / firm / "identity_rules.yml").rules
    assert (rules[0].identifier, rules[0].sharing) == (identifier, "one_person")
