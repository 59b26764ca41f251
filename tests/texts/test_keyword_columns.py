"""A column may bear a word of SQL as its name: macros and judged_rows quote it."""

from __future__ import annotations

import duckdb
import pytest
from texts.text_macros import compiled

from orchestration.warehouse.dbt_messages import first_sentence

VALUES = {"null", "true", "false"}


def test_reserved_words_are_those_of_the_engine() -> None:
    categories = "('reserved', 'type_function', 'column_name')"
    query = f"select keyword_name from duckdb_keywords() where keyword_category in {categories}"
    words = {word for (word,) in duckdb.execute(query).fetchall()}
    assert set(compiled("_reserved_words()").split()) == words - VALUES


@pytest.mark.parametrize("word", ["at", "Select", "order", "from", "timestamp", "values", "column"])
def test_column_with_a_reserved_word_as_its_name_is_read(word: str) -> None:
    query = f"""select {compiled(f"clean_text('{word}')")} from (select ' x ' as "{word}")"""
    assert duckdb.execute(query).fetchone() == ("x",)


def test_other_expressions_stay_as_they_are() -> None:
    assert [compiled(f"quoted('{text}')") for text in ("net", "source.at", "coalesce(a, b)", "null")] == [
        "net",
        "source.at",
        "coalesce(a, b)",
        "null",
    ]
    assert compiled("quoted('at')", "spark") == "`at`"


def test_rows_are_judged_by_keys_and_versions_with_reserved_words_as_names() -> None:
    judged = compiled("judged_rows('renamed', key=['select', 'order'], parsed=['at'], required=['at'], version=['at'])")
    rows = """
        with renamed as (
            select *, 'load' as _dlt_load_id, 'a.csv' as _source_file, null::date as _source_day, "at" as _row_digest
            from (values
                ('S1', '1', '9', 9, 1), ('S1', '1', '8', 8, 2), ('S2', '1', 'x', null, 3), (null, '1', '7', 7, 4)
            ) as rows("select", "order", raw_at, "at", _source_row)
        )
    """
    found = duckdb.execute(
        f"select _source_row, row_fate, quarantine_rule from ({rows} {judged}) order by 1"
    ).fetchall()
    assert found == [
        (1, "staged", None),
        (3, "quarantined", "at_is_unreadable"),
        (4, "quarantined", "select_is_missing"),
    ]


def test_parser_error_says_that_the_word_may_be_the_name_of_a_column() -> None:
    message = (
        'Runtime Error in model base_app__events\n  Parser Error: syntax error at or near "at"\n\n  LINE 4: select at'
    )
    assert first_sentence(message).endswith(
        'syntax error at or near "at" (If at is the name of a column: it is a word of SQL, write "at".)'
    )
