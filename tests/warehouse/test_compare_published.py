"""The comparison of two published warehouses sees every kind of difference, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from compare_published import EXCEPTIONS, Exceptions, ExceptionsError, compare, load_exceptions, main

ROWS = """
    select * from (values (1, 'Anna', 0.1::double, date '2026-01-01'), (2, null, 0.2::double, null))
    as people (id, name, share, day)
"""


def warehouse(path: Path, marts: str = ROWS, **tables: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        for schema in ("core", "marts", "quality", "staging"):
            connection.execute(f"create schema {schema}")
        for table, query in {"marts.customers": marts, **{k.replace("__", "."): v for k, v in tables.items()}}.items():
            connection.execute(f"create table {table} as {query}")
    return path


def differences(tmp_path: Path, before: str, after: str, exceptions: Exceptions | None = None) -> list[str]:
    old, new = warehouse(tmp_path / "old.duckdb", before), warehouse(tmp_path / "new.duckdb", after)
    return [text for outcome in compare(old, new, exceptions or Exceptions()) for text in outcome.differs]


def test_equal_content_in_another_order_is_no_difference(tmp_path: Path) -> None:
    assert differences(tmp_path, ROWS, f"{ROWS} order by id desc") == []


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        (f"select * replace (coalesce(name, '') as name) from ({ROWS})", "values of name"),
        (f"select * replace (share + 0.001 as share) from ({ROWS})", "values of share"),
        (f"select * replace (3 - id as id) from ({ROWS})", "the same values stand in other rows"),
        (f"{ROWS} union all select 1, 'Anna', 0.1, date '2026-01-01'", "2 rows became 3"),
        (f"{ROWS} limit 1", "2 rows became 1"),
        (f"select * exclude (day) from ({ROWS})", "column day is missing"),
        (f"select *, 1 as more from ({ROWS})", "new column more"),
        (f"select * replace (id::bigint as id) from ({ROWS})", "column id is BIGINT, was INTEGER"),
    ],
)
def test_each_kind_of_difference_is_found(after: str, seen: str, tmp_path: Path) -> None:
    assert seen in differences(tmp_path, ROWS, after)


def test_floats_are_compared_to_the_stated_digits(tmp_path: Path) -> None:
    before = "select 0.1234561::double as share, -0.0::double as zero"
    after = "select 0.1234564::double as share, 0.0::double as zero"
    assert differences(tmp_path, before, after, Exceptions(float_digits=6)) == []
    (tmp_path / "finer").mkdir()
    assert differences(tmp_path / "finer", before, after, Exceptions(float_digits=7)) == ["values of share"]


def test_missing_and_new_tables_are_differences_until_they_are_listed(tmp_path: Path) -> None:
    old = warehouse(tmp_path / "old.duckdb", core__gone="select 1 as id")
    new = warehouse(tmp_path / "new.duckdb", quality__more="select 1 as id", staging__more="select 1 as id")
    found = {outcome.table: outcome.differs for outcome in compare(old, new, Exceptions())}
    assert found == {"core.gone": ("table is missing",), "marts.customers": (), "quality.more": ("new table",)}
    listed = Exceptions(added=("quality.more",), removed=("core.gone",))
    assert not any(outcome.differs for outcome in compare(old, new, listed))


def test_renamed_column_is_compared_under_its_new_name(tmp_path: Path) -> None:
    renamed = Exceptions(renamed={"marts.customers.name": "title"})
    assert differences(tmp_path, ROWS, f"select id, name as title, share, day from ({ROWS})", renamed) == []
    (tmp_path / "other").mkdir()
    other = f"select id, 'Bob' as title, share, day from ({ROWS})"
    assert differences(tmp_path / "other", ROWS, other, renamed) == ["values of name"]


def test_skipped_column_is_not_compared_and_the_others_are(tmp_path: Path) -> None:
    skipped = Exceptions(skipped=("*.share",))
    after = f"select * replace (share + 1 as share) from ({ROWS})"
    assert differences(tmp_path, ROWS, after, skipped) == []
    (tmp_path / "other").mkdir()
    after = f"select * replace (share + 1 as share, 'Bob' as name) from ({ROWS})"
    assert differences(tmp_path / "other", ROWS, after, skipped) == ["values of name"]


def test_row_that_is_left_out_does_not_count_and_the_others_do(tmp_path: Path) -> None:
    left_out = Exceptions(left_out={"marts.customers": "id = 3"})
    more = f"{ROWS} union all select 3, 'Cora', 0.3, date '2026-01-01'"
    assert differences(tmp_path, ROWS, more, left_out) == []
    (tmp_path / "other").mkdir()
    more = f"{more} union all select 4, null, 0.3, null"
    assert "2 rows became 3" in differences(tmp_path / "other", ROWS, more, left_out)


def test_exit_code_says_whether_anything_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = warehouse(tmp_path / "old.duckdb"), warehouse(tmp_path / "new.duckdb", f"{ROWS} limit 1")
    assert main([str(old), str(old)]) == 0
    assert "0 differ" in capsys.readouterr().out
    assert main([str(old), str(new)]) == 1
    assert "marts.customers" in capsys.readouterr().out
    assert main([str(old), str(tmp_path / "none.duckdb")]) == 2
    assert "There is no warehouse at" in capsys.readouterr().out


def test_exception_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "exceptions.yaml"
    file.write_text("skipped: [{names: ['marts.*']}]")
    with pytest.raises(ExceptionsError, match="no reason"):
        load_exceptions(file)
    file.write_text("ignored: []")
    with pytest.raises(ExceptionsError, match="unknown key ignored"):
        load_exceptions(file)


def test_exceptions_of_the_project_can_be_read() -> None:
    assert load_exceptions(EXCEPTIONS).float_digits == 6
