"""Files that are not what the catalog says: each lands nothing, and one sentence says what it is and what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.channels.connectors import FileFault, Request, files
from orchestration.channels.errors import ChannelError
from orchestration.channels.intake.stream_source import IntakeRun, StreamSource
from orchestration.channels.intake.take_in import take_in

if TYPE_CHECKING:
    from pathlib import Path

    from orchestration.channels.intake.stream_status import StreamState
    from tests.channels.conftest import Bench

DECLARED = {"client_no": "VARCHAR", "name": "VARCHAR", "amount": "VARCHAR"}
HEADER = "client_no,name,amount\n"
ROWS = [f"C{number},Name {number},{number}.50" for number in range(1, 31)]
CSV = HEADER + "\n".join(ROWS) + "\n"
OBJECTS = [dict(zip(DECLARED, row.split(","), strict=True)) for row in ROWS]
LINES = "".join(json.dumps(found) + "\n" for found in OBJECTS)
PAGE = b"<!DOCTYPE html>\n<html><body>\n<h1>502 Bad Gateway</h1>\n</body></html>\n"


def stream_of(bench: Bench, form: str, options: str = "", key: str = "[client_no]") -> str:
    return f"contacts: {{path: 'f*', format: {form}, key: {key}{options}}}"


def land(bench: Bench, name: str, content: bytes, form: str, options: str = "") -> tuple[int, int]:
    """(rows, unreadable rows) of one file."""
    (bench.data / name).write_bytes(content)
    landing = bench.land(bench.files(stream_of(bench, form, options)), declared=DECLARED)
    return landing.rows, landing.rejected_rows


# Contents are part of the names of tests, which must be the same in every process: no archive holds the present time.
def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def excel() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr(zipfile.ZipInfo("xl/workbook.xml"), "<x/>")
    return out.getvalue()


def parquet(folder: Path, **types: str) -> bytes:
    columns = ", ".join(f"{name}::{kind} as {name}" for name, kind in types.items())
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select {columns} from (select i as client_no, i as name, i as amount from range(30) as r(i))) "
            f"to '{folder}/made.parquet' (format parquet)"
        )
    return (folder / "made.parquet").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "form", "words"),
    [
        ("f.csv", CSV.replace(",", ";").encode(), "csv", 'separated by ";"; write `delimiter: ";"` in test.yaml'),
        ("f.csv", CSV.replace(",", "\t").encode(), "csv", r'separated by "\t"; write `delimiter: "\t"` in test.yaml'),
        ("f.csv", ("Clients\n\n" + CSV).encode(), "csv", "its header is record 2; deliver it without the lines above"),
        ("f.csv", ("Clients,,\nby,me,\n" + CSV).encode(), "csv", "its header is record 3"),
        ("f.csv", CSV.removeprefix(HEADER).encode(), "csv", "none of the expected names; deliver it with a header"),
        ("f.csv", PAGE, "csv", "this is an HTML or XML page"),
        ("f.csv", b"\n\n\n", "csv", "holds no rows"),
        ("f.csv", HEADER.encode(), "csv", "holds no rows"),
        ("f.csv", CSV.encode("utf-16"), "csv", "write `encoding: utf-16` in test.yaml"),
        ("f.csv", CSV.encode("utf-16-le"), "csv", "write `encoding: utf-16-le` in test.yaml"),
        ("f.csv", CSV.replace("Name", "Zoë").encode("cp1252"), "csv", "write its encoding, such as cp1252, as `enc"),
        ("f.csv", CSV.replace("name", "naïm", 1).encode("cp1252"), "csv", "correct `encoding` (such as cp1252)"),
        ("f.csv", CSV.replace("name", "Client No", 1).encode(), "csv", "would both land as client_no"),
        ("f.csv", CSV.replace(".50", ",50").encode(), "csv", "none of its 30 rows can be read (4 fields instead of 3)"),
        ("f.csv", b"\0" * 5_000, "csv", "has no column client_no"),
        ("f.xlsx", excel(), "csv", "this is an Excel file; export it as CSV, or narrow `path` in test.yaml"),
        ("f.csv", excel(), "csv", "this is an Excel file or a zip archive; export it as CSV"),
        ("f.csv", packed(CSV.encode()), "csv", "compressed with gzip; give it a name that ends in .gz"),
        ("f.csv.gz", CSV.encode(), "csv", "is not compressed; give it a name without .gz"),
        ("f.csv.gz", packed(CSV.encode())[:60], "csv", "is cut off or damaged (gzip)"),
        ("f.csv.gz", packed(packed(CSV.encode())), "csv", "deliver it compressed once"),
        ("f.csv.gz", packed(CSV.encode()) + b"junk", "csv", "is cut off or damaged (gzip)"),
        ("f.csv", bz2.compress(CSV.encode()), "csv", "compressed with bzip2"),
        ("f.jsonl", json.dumps(OBJECTS).encode()[:-20], "jsonl", "a JSON array that cannot be read to its end"),
        ("f.jsonl", b"[]", "jsonl", "holds no rows"),
        ("f.jsonl", b"[1, 2, 3]", "jsonl", "none of its 3 rows can be read (not a JSON object)"),
        ("f.jsonl", b'{"error": "not found"}', "jsonl", "one JSON object without the columns of a row (client_no)"),
        ("f.jsonl", json.dumps({"a": OBJECTS, "b": OBJECTS}).encode(), "jsonl", "an object with one array of objects"),
        ("f.jsonl", "\n".join(map(str, OBJECTS)).encode(), "jsonl", "none of its 30 rows can be read (not valid JSON)"),
        ("f.jsonl", b"oops\n", "jsonl", "its only row cannot be read (not valid JSON)"),
        ("f.jsonl", PAGE, "jsonl", "this is an HTML or XML page"),
        ("f.jsonl", CSV.encode(), "jsonl", "deliver one JSON object per line, or correct `format` in test.yaml"),
        ("f.jsonl", LINES.encode("utf-16"), "jsonl", "its first bytes are those of utf-16; deliver it in UTF-8"),
        ("f.parquet", CSV.encode(), "parquet", "this is text; write its `format` in the catalog"),
        ("f.parquet", PAGE, "parquet", "this is an HTML or XML page"),
    ],
)
def test_file_of_another_form_is_refused_with_what_it_is(
    bench: Bench, name: str, content: bytes, form: str, words: str
) -> None:
    (bench.data / name).write_bytes(content)
    ((system, stream),) = bench.files(stream_of(bench, form)).streams()
    delivery = files.extract(system, stream, Request({}, bench.data, declared=DECLARED))
    try:
        rows = sum(batch.rows.num_rows for batch in delivery.batches or ())
        faults = [str(fault) for fault in delivery.faults]
    except FileFault as fault:
        rows, faults = 0, [str(fault)]
    assert rows == 0
    assert [words in fault for fault in faults] == [True]
    assert faults[0].startswith(f"shop/contacts: {name}")


@pytest.mark.parametrize(
    ("name", "content", "form", "words"),
    [
        ("f.csv", PAGE, "csv", "this is an HTML or XML page"),  # seen before a row is read
        ("f.csv.gz", packed(CSV.encode())[:60], "csv", "is cut off or damaged (gzip)"),  # in the middle of its rows
        ("f.jsonl", b"[1, 2, 3]", "jsonl", "none of its 3 rows can be read (not a JSON object)"),  # at its end
    ],
)
def test_refused_file_lands_nothing(bench: Bench, name: str, content: bytes, form: str, words: str) -> None:
    with pytest.raises(ChannelError) as caught:
        land(bench, name, content, form)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"shop/contacts: {name}")
    assert bench.rows("*") == [] and bench.rows("*", "shop/contacts/rejects") == []


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(OBJECTS).encode(),
        json.dumps(OBJECTS, indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps(OBJECTS).encode(),
        json.dumps({"count": 30, "items": OBJECTS}).encode(),
        json.dumps({"count": 30, "items": OBJECTS}, indent=1).encode(),
        "\n".join(json.dumps(found, indent=2) for found in OBJECTS).encode(),
        "".join(json.dumps(found) for found in OBJECTS).encode(),
    ],
    ids=[
        "array",
        "pretty array",
        "array with a mark",
        "object",
        "pretty object",
        "pretty objects",
        "without line ends",
    ],
)
def test_json_document_is_read_like_json_lines(bench: Bench, content: bytes) -> None:
    assert land(bench, "f.jsonl", content, "jsonl") == (30, 0)
    found = bench.rows("client_no, name, amount, _source_row", order="_source_row")
    assert found == [(*row.split(","), number) for number, row in enumerate(ROWS, start=1)]


def test_one_row_with_an_array_in_it_stays_one_row(bench: Bench) -> None:
    row = {**OBJECTS[0], "lines": [{"client_no": "C8"}, {"client_no": "C9"}]}
    assert land(bench, "f.jsonl", json.dumps(row).encode(), "jsonl") == (1, 0)


def test_object_with_the_rows_in_an_array_is_recognised_by_declared_columns_without_a_key(bench: Bench) -> None:
    for number in (1, 2):
        (bench.data / f"f{number}.jsonl").write_text(json.dumps({"page": number, "items": OBJECTS}))
    assert bench.land(bench.files(stream_of(bench, "jsonl", key="[]")), declared=DECLARED).rows == 60


def test_items_of_an_array_that_are_no_objects_are_unreadable_rows(bench: Bench) -> None:
    assert land(bench, "f.jsonl", json.dumps([*OBJECTS, None, 3]).encode(), "jsonl") == (30, 2)


def test_header_in_the_middle_is_no_row(bench: Bench) -> None:
    """Two exports, one behind the other; the second one with its byte order mark."""
    assert land(bench, "f.csv", (CSV + "\ufeff" + CSV).encode(), "csv") == (60, 1)
    assert bench.rows("reason", "shop/contacts/rejects") == [("the header again",)]


def test_load_of_which_no_value_fits_its_type_is_a_fault(bench: Bench) -> None:
    with pytest.raises(ChannelError, match="none of the 30 new rows can be read; correct `types` in test.yaml"):
        land(bench, "f.csv", CSV.encode(), "csv", ", types: {name: bigint}")
    assert bench.rows("*") == []


# --- judged ----------------------------------------------------------------------------------------------------------


def taken_in(bench: Bench, content: bytes, form: str, declared: dict[str, str] = DECLARED) -> StreamState:
    (bench.data / f"f.{form}").write_bytes(content)
    ((system, stream),) = bench.files(stream_of(bench, form)).streams()
    with duckdb.connect() as connection:
        source = StreamSource(system, stream, bench.landing_url, bench.working_dir, declared)
        state, _ = take_in(connection, source, IntakeRun("a run", datetime(2026, 1, 1)))
    return state


def test_load_with_mostly_unreadable_lines_is_held_with_the_reason(bench: Bench) -> None:
    lines = LINES.splitlines()[:10] + ["oops"] * 20
    state = taken_in(bench, "\n".join(lines).encode(), "jsonl")
    assert (state.state, state.new_rows, state.unreadable_rows) == ("held", 10, 20)
    assert "20 rows cannot be read: not valid JSON (20)" in state.sentence


def test_two_unreadable_lines_do_not_hold_28_good_ones(bench: Bench) -> None:
    state = taken_in(bench, "\n".join([*LINES.splitlines()[:28], "oops", "{"]).encode(), "jsonl")
    assert (state.state, state.new_rows, state.unreadable_rows) == ("current", 28, 2)


def test_all_wrong_types_are_listed_with_the_type_to_write(bench: Bench) -> None:
    content = parquet(bench.folder, client_no="varchar", name="double", amount="boolean")
    declared = {"client_no": "VARCHAR", "name": "BIGINT", "amount": "DATE"}
    state = taken_in(bench, content, "parquet", declared)
    assert state.state == "held"
    assert "the columns name, amount landed with another type than staging reads" in state.sentence
    assert "`data_type` in models/staging/shop/_shop__sources.yml (name: double, amount: boolean)" in state.sentence


@pytest.mark.parametrize("kind", ["tinyint", "smallint", "integer", "bigint", "uinteger"])
def test_integer_of_another_width_passes(bench: Bench, kind: str) -> None:
    content = parquet(bench.folder, client_no="varchar", name="varchar", amount=kind)
    state = taken_in(bench, content, "parquet", {**DECLARED, "amount": "integer"})
    assert (state.state, state.sentence) == ("current", "")


def test_missing_keys_are_told_by_their_share(bench: Bench) -> None:
    content = HEADER + "".join(f",Name {number},1\n" for number in range(30))
    state = taken_in(bench, content.encode(), "csv")
    assert state.state == "held"
    assert "100% of the rows have no client_no, the key of the stream" in state.sentence
