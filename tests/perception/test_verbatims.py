"""The table of scored texts: each text once, deleted with its source, never the text itself."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.perception import score_verbatims


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        connection.execute("create table said (text_key bigint, verbatim varchar, language varchar)")
        connection.execute(
            "insert into said values (1, 'Prima fiets', 'nl'), (2, 'Terrible.', 'en'), (3, '12345', 'nl')"
        )
        yield connection


def _labels(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    return dict(connection.execute("select text_key, label from perception.text_sentiment").fetchall())


def test_a_text_is_scored_once_and_only_new_ones_later(connection) -> None:
    first = score_verbatims(connection, "said")
    assert (first.texts, first.scored, first.unknown) == (3, 3, 1)
    assert _labels(connection) == {1: "positive", 2: "negative", 3: "unknown"}
    assert score_verbatims(connection, "said").scored == 0
    connection.execute("insert into said values (4, 'Wunderbar!', null)")
    again = score_verbatims(connection, "said")
    assert (again.texts, again.scored) == (4, 1)


def test_rows_of_removed_texts_are_deleted_and_no_row_contains_text(connection) -> None:
    score_verbatims(connection, "said")
    connection.execute("delete from said where text_key = 2")
    assert score_verbatims(connection, "said").texts == 2
    assert _labels(connection).keys() == {1, 3}
    columns = {row[0] for row in connection.execute("describe perception.text_sentiment").fetchall()}
    assert columns == {"text_key", "polarity", "label", "language", "scorer_version"}


def test_texts_of_an_older_scorer_are_scored_again(connection) -> None:
    score_verbatims(connection, "said")
    connection.execute("update perception.text_sentiment set scorer_version = 'older', label = 'neutral'")
    assert score_verbatims(connection, "said").scored == 3
    assert _labels(connection) == {1: "positive", 2: "negative", 3: "unknown"}


def test_batches_add_up_to_all_texts(connection) -> None:
    assert score_verbatims(connection, "said", batch_rows=2).scored == 3
    assert len(_labels(connection)) == 3


def test_a_failed_call_leaves_the_table_as_it_was(connection) -> None:
    score_verbatims(connection, "said")
    before = _labels(connection)
    # Deleting the rows of removed texts succeeds; then the missing column fails.
    connection.execute("create table broken as select text_key, verbatim from said where text_key = 1")
    with pytest.raises(duckdb.BinderException):
        score_verbatims(connection, "broken")
    assert _labels(connection) == before
    assert score_verbatims(connection, "said").scored == 0


def test_no_texts_give_an_empty_table(connection) -> None:
    connection.execute("delete from said")
    assert score_verbatims(connection, "said").texts == 0
    assert _labels(connection) == {}
