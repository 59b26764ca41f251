"""Files land as they are: every readable row once, every unreadable one among the rejects."""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.channels.connectors import _file_copies, _file_reading
from orchestration.channels.errors import ChannelError

if TYPE_CHECKING:
    from orchestration.channels.connectors import Batch
    from orchestration.channels.connectors._sources import Source
    from tests.channels.conftest import Bench

CONTACTS = "contacts: {path: '*.csv', format: csv, key: [contact_id]}"
HEADER = b"ContactId,First Name,EMail\n"


def test_columns_are_snake_case_and_rows_have_their_origin(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1, Ann ,a@x.example\n2,,b@x.example\n")
    landed = bench.land(bench.files(CONTACTS))
    assert (landed.rows, landed.rejected_rows, landed.files) == (2, 0, ("a.csv",))
    assert dict(landed.columns) == {
        "contact_id": "VARCHAR",
        "first_name": "VARCHAR",
        "e_mail": "VARCHAR",
        "_source_file": "VARCHAR",
        "_source_row": "BIGINT",
        "_source_day": "DATE",
    }
    assert bench.rows("contact_id, first_name, e_mail, _source_file, _source_row, _dlt_load_id") == [
        ("1", " Ann ", "a@x.example", "a.csv", 1, landed.load_id),
        ("2", None, "b@x.example", "a.csv", 2, landed.load_id),
    ]


def test_byte_order_mark_is_not_part_of_the_first_column(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(b"\xef\xbb\xbf" + HEADER + b"1,Ann,a\n")
    bench.land(bench.files(CONTACTS))
    assert bench.rows("contact_id") == [("1",)]


def test_latin_1_is_read_when_the_catalog_says_so(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + "1,Zoë,z\n".encode("latin-1"))
    bench.land(bench.files("contacts: {path: a.csv, format: csv, encoding: latin-1}"))
    assert bench.rows("first_name") == [("Zoë",)]


def test_utf_16_is_read_when_the_catalog_says_so(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes((HEADER.decode() + "1,Zoë,z\n").encode("utf-16"))
    bench.land(bench.files("contacts: {path: a.csv, format: csv, encoding: utf-16}"))
    assert bench.rows("contact_id, first_name") == [("1", "Zoë")]


def test_line_breaks_and_delimiters_inside_quotes_stay(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(b'ContactId;Note\r\n1;"two\r\nlines; ""quoted"""\r\n2;x\r\n')
    bench.land(bench.files("contacts: {path: a.csv, format: csv, delimiter: ';'}"))
    assert bench.rows("contact_id, note, _source_row") == [("1", 'two\r\nlines; "quoted"', 1), ("2", "x", 2)]


def test_aligned_columns_land_with_and_without_a_header(bench: Bench) -> None:
    (bench.data / "a.txt").write_bytes(b" id   spent \r\n 01   11.77\r\n 02    2.50\r\n\r\n")
    (bench.data / "b.txt").write_bytes(b" 03   11.77\r\n 04\r\n")
    bench.land(bench.files("contacts: {path: a.txt, format: csv, delimiter: whitespace}"))
    assert bench.rows("id, spent") == [("01", "11.77"), ("02", "2.50")]
    landed = bench.land(bench.files("contacts: {path: b.txt, format: csv, delimiter: whitespace, header: [id, spent]}"))
    assert (landed.rows, landed.rejected_rows) == (1, 1)
    assert bench.rows("id, spent, _source_row") == [("01", "11.77", 1), ("02", "2.50", 2), ("03", "11.77", 1)]
    # The line of the file, not of its copy with a header.
    assert bench.rows("_source_row, reason", "shop/contacts/rejects") == [(2, "1 fields instead of 2")]


BAD_QUOTE = "a quote is not closed, or closed too early"
BAD_ROWS = [
    (b"7,too,many,fields\n", "4 fields instead of 3"),
    (b"8,too few\n", "2 fields instead of 3"),
    (b'9,"never closed,x\n', BAD_QUOTE),
    (b'10,"closed"early,x\n', BAD_QUOTE),
    (b"11,\xff\xfe,x\n", "bytes that are not valid utf-8"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_ROWS)
@pytest.mark.parametrize("at", ["start", "middle", "end"])
def test_unreadable_row_is_rejected_and_all_others_land(bench: Bench, bad: bytes, reason: str, at: str) -> None:
    good = [b'%d,"N, %d",x\n' % (number, number) for number in range(1000, 1200)]
    place = {"start": 0, "middle": 100, "end": 200}[at]
    (bench.data / "a.csv").write_bytes(HEADER + b"".join([*good[:place], bad, *good[place:]]))
    landed = bench.land(bench.files(CONTACTS))
    assert (landed.rows, landed.rejected_rows) == (200, 1)
    assert bench.rows("contact_id::INT") == [(number,) for number in range(1000, 1200)]
    # The record number goes on counting over the rejected row.
    assert bench.rows("count(DISTINCT _source_row), max(_source_row)") == [(200, 200 if at == "end" else 201)]
    ((file, line, raw, why),) = bench.rows("_source_file, _source_row, raw, reason", "shop/contacts/rejects")
    assert (file, line, why) == ("a.csv", place + 2, reason)
    assert raw == bad.decode(errors="surrogateescape").encode(errors="replace").decode().rstrip("\n")


def test_many_kinds_of_damage_in_a_large_file_cost_only_the_damaged_rows(bench: Bench) -> None:
    chance = random.Random(7)
    lines, good_ids, bad_lines = [], [], 0
    for number in range(120_000):
        if chance.random() < 0.001:
            lines.append(chance.choice(BAD_ROWS)[0])
            bad_lines += 1
        else:
            lines.append(b'%d,"a\nb",x\n' % number if chance.random() < 0.01 else b"%d,plain,x\n" % number)
            good_ids.append(number)
    (bench.data / "a.csv").write_bytes(HEADER + b"".join(lines))
    landed = bench.land(bench.files(CONTACTS))
    assert (landed.rows, landed.rejected_rows) == (len(good_ids), bad_lines)
    assert [number for (number,) in bench.rows("contact_id::INT")] == good_ids


def test_mixed_line_ends_lose_no_row(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1,a,b\r\n2,a,b\n3,a,b\r\n")
    assert bench.land(bench.files(CONTACTS)).rows == 3


def test_nothing_new_lands_nothing(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1,a,b\n")
    catalog = bench.files(CONTACTS)
    bench.land(catalog)
    again = bench.land(catalog)
    assert (again.load_id, again.rows) == (None, 0)


def test_touched_file_with_the_same_content_does_not_land_again(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1,a,b\n")
    catalog = bench.files(CONTACTS)
    bench.land(catalog)
    os.utime(bench.data / "a.csv", (1, 1))
    assert bench.land(catalog).load_id is None
    assert len(bench.rows("*")) == 1


def test_changed_file_lands_again_as_a_whole_and_a_new_file_alone(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1,a,b\n")
    catalog = bench.files(CONTACTS)
    bench.land(catalog)
    (bench.data / "b.csv").write_bytes(HEADER + b"2,a,b\n")
    assert bench.land(catalog).files == ("b.csv",)
    (bench.data / "a.csv").write_bytes(HEADER + b"1,a,b\n3,a,b\n")
    changed = bench.land(catalog)
    assert (changed.rows, changed.files) == (2, ("a.csv",))


def test_new_column_lands_beside_the_old_ones(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1,a,b\n")
    catalog = bench.files(CONTACTS)
    bench.land(catalog)
    (bench.data / "b.csv").write_bytes(b"EMail,Tier,ContactId\nc,gold,2\n")
    bench.land(catalog)
    assert bench.rows("contact_id, first_name, e_mail, tier") == [("1", "a", "b", None), ("2", None, "c", "gold")]


def test_compressed_csv_is_recognised_by_its_name(bench: Bench) -> None:
    (bench.data / "a.csv.gz").write_bytes(gzip.compress(HEADER + b"1,a,b\n2,a\n"))
    landed = bench.land(bench.files("contacts: {path: '*.csv.gz', format: csv}"))
    assert (landed.rows, landed.rejected_rows) == (1, 1)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.9999])
def test_nothing_of_a_cut_gzip_lands_and_the_other_files_do(bench: Bench, kept: float) -> None:
    (bench.data / "a.csv.gz").write_bytes(gzip.compress(HEADER + b"1,a,b\n"))
    chance = random.Random(7)
    whole = gzip.compress(HEADER + b"".join(b"%d,%d,b\n" % (n, chance.getrandbits(64)) for n in range(20_000)))
    (bench.data / "b.csv.gz").write_bytes(whole[: int(len(whole) * kept)])
    catalog = bench.files("contacts: {path: '*.csv.gz', format: csv}")
    landed = bench.land(catalog)
    assert (landed.rows, landed.files) == (1, ("a.csv.gz",))
    assert landed.faults == ("shop/contacts: b.csv.gz is cut off or damaged (gzip); deliver it again",)
    with pytest.raises(ChannelError, match=r"^shop/contacts: b\.csv\.gz is cut off or damaged \(gzip\); deliver"):
        bench.land(catalog)
    (bench.data / "b.csv.gz").write_bytes(whole)
    assert bench.land(catalog).rows == 20_000
    assert bench.rows("count(*), count(DISTINCT (contact_id, _source_file))") == [(20_001, 20_001)]


def test_json_lines_keep_nested_values_as_text_and_reject_other_lines_than_objects(bench: Bench) -> None:
    (bench.data / "a.jsonl").write_bytes(
        b'{"userId": 1, "name": "Zo\xc3\xab", "tags": ["x", {"y": 1.5}], "when": "2024-01-02"}\n'
        b"\n"
        b'{"userId": 2, "ok": true, "a/b~c": null, "name": null}\n'
        b'{"userId": 3, "name": "cut'
        b"\n"
        b"[1, 2]\n"
        b'{"userId": 4}'
    )
    catalog = bench.files("contacts: {path: a.jsonl, format: jsonl, key: [user_id]}")
    landed = bench.land(catalog)
    assert (landed.rows, landed.rejected_rows) == (3, 2)
    assert bench.rows('user_id, "name", tags, "when", ok, _source_row') == [
        ("1", "Zoë", '["x",{"y":1.5}]', "2024-01-02", None, 1),
        ("2", None, None, None, "true", 3),
        ("4", None, None, None, None, 6),
    ]
    assert bench.rows("_source_row, reason", "shop/contacts/rejects") == [
        (4, "not valid JSON"),
        (5, "not a JSON object"),
    ]


def test_json_line_in_a_wrong_encoding_is_rejected_alone(bench: Bench) -> None:
    (bench.data / "a.jsonl").write_bytes(b'{"id": 1}\n{"id": "\xff"}\n{"id": 3}\n')
    landed = bench.land(bench.files("contacts: {path: a.jsonl, format: jsonl}"))
    assert (landed.rows, landed.rejected_rows) == (2, 1)
    assert bench.rows("id, _source_row") == [("1", 1), ("3", 3)]
    assert bench.rows("_source_row, reason", "shop/contacts/rejects") == [(2, "bytes that are not valid utf-8")]


def test_parquet_keeps_its_types_and_timestamps_without_time_zone(bench: Bench) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 1::INTEGER AS \"UserId\", TIMESTAMP '2024-03-31 02:30:00' AS at_local, "
            "TIMESTAMPTZ '2024-03-31 02:30:00+00' AS at_utc, 1.50::DECIMAL(9,2) AS price, [1, 2] AS list) "
            f"TO '{bench.data}/a.parquet' (FORMAT parquet)"
        )
    landed = bench.land(bench.files("contacts: {path: a.parquet, format: parquet, key: [user_id]}"))
    assert (landed.columns["at_local"], landed.columns["price"]) == ("TIMESTAMP", "DECIMAL(9,2)")
    assert bench.rows("user_id, at_local::VARCHAR, typeof(at_local), price, list, _source_row") == [
        (1, "2024-03-31 02:30:00", "TIMESTAMP", pytest.approx(1.5), [1, 2], 1)
    ]


def test_changed_type_stops_the_stream_and_names_the_column(bench: Bench) -> None:
    catalog = bench.files("contacts: {path: '*.parquet', format: parquet}")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS id) TO '{bench.data}/a.parquet'")
        bench.land(catalog)
        connection.execute(f"COPY (SELECT 'x' AS id) TO '{bench.data}/b.parquet'")
    for _ in range(2):  # the failure leaves nothing behind that would change the second answer
        with pytest.raises(
            ChannelError, match=r"^shop/contacts: b\.parquet: the type of column id has changed at the source"
        ):
            bench.land(catalog)
    assert bench.rows("id") == [(1,)]
    (bench.data / "b.parquet").unlink()
    assert bench.land(catalog).load_id is None


def test_numbers_of_different_width_land_together_as_the_widest(bench: Bench) -> None:
    with duckdb.connect() as connection:
        for name, value in (("a", "1::TINYINT"), ("b", "3000000000"), ("c", "3::UINTEGER")):
            connection.execute(f"COPY (SELECT {value} AS id, 0.1::FLOAT AS share) TO '{bench.data}/{name}.parquet'")
        connection.execute(f"COPY (SELECT 4 AS id, 0.1::DOUBLE AS share) TO '{bench.data}/d.parquet'")
    landed = bench.land(bench.files("contacts: {path: '*.parquet', format: parquet}"))
    assert (landed.rows, landed.faults) == (4, ())
    assert (landed.columns["id"], landed.columns["share"]) == ("BIGINT", "DOUBLE")
    assert bench.rows("id, share::FLOAT = 0.1::FLOAT") == [(1, True), (3, True), (4, True), (3_000_000_000, True)]


FAILURES = [
    (None, CONTACTS, r"no file matches \*\.csv in .*data; deliver the file or correct `path` in test\.yaml"),
    (b"", CONTACTS, r"a\.csv is empty \(0 bytes\); deliver it again, or set `allow_empty: true` in test\.yaml"),
    (HEADER, CONTACTS, r"a\.csv holds no rows; deliver it again"),
    (b"Id,Name\n1,a\n", CONTACTS, r"a\.csv: has no column contact_id \(key\); deliver it .* or correct `key` in test"),
    (b"A b,A-B\n1,2\n", "contacts: {path: a.csv, format: csv}", r"a\.csv: the columns 'A b' and 'A-B' would both land"),
    (b'"Id,Na\n1,2\n', "contacts: {path: a.csv, format: csv}", r"a\.csv: the header cannot be read as utf-8"),
    (b"PAR1", "contacts: {path: a.csv, format: parquet}", r"a\.csv is cut off or damaged \(Parquet\); deliver"),
]


@pytest.mark.parametrize(("content", "stream", "message"), FAILURES)
def test_faulty_delivery_is_reported_in_one_sentence(
    bench: Bench, content: bytes | None, stream: str, message: str
) -> None:
    if content is not None:
        (bench.data / "a.csv").write_bytes(content)
    with pytest.raises(ChannelError, match="^shop/contacts: " + message) as caught:
        bench.land(bench.files(stream))
    assert not caught.value.transient
    assert "\n" not in str(caught.value)


def test_missing_folder_is_named(bench: Bench) -> None:
    bench.data.rmdir()
    with pytest.raises(ChannelError, match=r"the folder .*data does not exist; create it or correct `location`"):
        bench.land(bench.files(CONTACTS))


def test_missing_declared_column_stops_the_file(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1,a,b\n")
    with pytest.raises(
        ChannelError, match=r"a\.csv: has no column tier \(declared\); deliver it with all columns that staging reads"
    ):
        bench.land(bench.files(CONTACTS), declared={"contact_id": "VARCHAR", "tier": "VARCHAR"})


def test_empty_file_is_accepted_when_the_catalog_allows_it(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(b"")
    (bench.data / "b.csv").write_bytes(HEADER)
    catalog = bench.files("contacts: {path: '*.csv', format: csv, allow_empty: true}")
    assert bench.land(catalog).load_id is None
    assert bench.land(catalog).load_id is None


def test_file_that_is_written_while_it_is_read_is_left_for_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.data / "a.csv"
    path.write_bytes(HEADER + b"1,a,b\n")
    read_csv = _file_reading._READERS["csv"]

    def read_and_append(source: Source) -> Iterator[Batch]:
        yield from read_csv(source)
        with path.open("ab") as more:
            more.write(b"2,a,b\n")

    monkeypatch.setitem(_file_reading._READERS, "csv", read_and_append)
    with pytest.raises(ChannelError, match=r"a\.csv was changed while it was read; run again once it is") as caught:
        bench.land(bench.files(CONTACTS))
    assert caught.value.transient
    monkeypatch.undo()
    assert bench.land(bench.files(CONTACTS)).rows == 2


def test_messages_contain_no_values_of_rows(bench: Bench) -> None:
    (bench.data / "a.csv").write_bytes(HEADER + b"1,Ann Secret,a\n")
    (bench.data / "b.csv").write_bytes(b"Other\nAnn Secret\n")
    (fault,) = bench.land(bench.files(CONTACTS)).faults
    assert "Secret" not in fault


def test_relative_paths_below_folders_name_the_source_file(bench: Bench) -> None:
    Path(bench.data, "2024").mkdir()
    (bench.data / "2024" / "a.csv").write_bytes(HEADER + b"1,a,b\n")
    bench.land(bench.files("contacts: {path: '**/*.csv', format: csv}"))
    assert bench.rows("_source_file") == [("2024/a.csv",)]


# --- Many small files ------------------------------------------------------------------------------------------------


def strange_files(folder: Path, kind: str) -> None:
    """Files that differ in blank lines, line ends, byte order marks, headers, compression, faults and rejects."""
    if kind == "parquet":
        with duckdb.connect() as connection:
            for number in range(9):
                query = ("SELECT 1::TINYINT AS id", "SELECT 2 AS id, 'x' AS more", "FROM range(3) AS r(id)")[number % 3]
                connection.execute(f"COPY (SELECT *, {number} AS file FROM ({query})) TO '{folder}/{number}.parquet'")
        return
    texts = {
        "csv": [
            b"id,note\n1,a\n2,b\n",
            b"\xef\xbb\xbfid,note\r\n1,a\r\n\r\n2,\r\n",
            b'id,note\n1,"two\nlines"\n2,""\n',
            b"id,note\n1,a\n2,b,c\n3,c",
            b"note,id\na,1\n",
            b"id,note\n",
            b"",
            b'id,note\n1,"open\n2,b\n',
            b"\nid,note\n5,x\n",
            b"id,note\n\xff,x\n7,y\n",
        ],
        "jsonl": [
            b'{"id": 1, "note": "a"}\n\n{"id": 2}\n',
            b'{"note": {"x": [1]}, "id": 1}\r\n{"id": 2}',
            b'{"other": 1}\n{"id": 4}\n',
            b'{"id": 1}\n[1]\n{"id": 3}\nnothing\n',
            b"{}\n",
            b"\n\n",
            b"",
            b'{"id": "\xff"}\n{"id": 2}\n',
            b'{"nothing": 1}\n',
            b'{"id": 9, "line": 3, "number": 4, "raw": 5}\n',
        ],
    }[kind]
    for number, text in enumerate(texts * 3):
        text += b"\n" * (number // len(texts))  # no two files have the same content
        is_packed = number % 2 == 1 and text
        name = f"{number:02d}.{kind}" + (".gz" if is_packed else "")
        (folder / name).write_bytes(gzip.compress(text, mtime=0) if is_packed else text)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_small_files_give_the_same_rows_rejects_and_faults_as_if_read_one_by_one(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from tests.channels.conftest import Bench as AnotherBench

    results = []
    for one, small_bytes in ((bench, _file_copies.SMALL_BYTES), (AnotherBench(tmp_path_factory.mktemp("alone")), -1)):
        monkeypatch.setattr(_file_copies, "SMALL_BYTES", small_bytes)
        strange_files(one.data, kind)
        landed = one.land(one.files(f"contacts: {{path: '*.{kind}*', format: {kind}, key: [id]}}"))
        columns = ", ".join(sorted(name for name in landed.columns if name != "_source_day"))
        rows = one.rows(columns, order="_source_file, _source_row")
        rejects = one.rows("_source_file, _source_row, raw, reason", "shop/contacts/rejects")
        results.append((landed.rows, landed.rejected_rows, sorted(landed.faults), sorted(landed.files), rows, rejects))
    assert results[0][0] > 0
    assert results[0] == results[1]


def test_rows_of_small_files_are_counted_in_each_file(bench: Bench) -> None:
    for name, ids in (("a", (1, 2, 3)), ("b", (4,)), ("c", (5, 6))):
        (bench.data / f"{name}.csv").write_text("id\n" + "".join(f"{one}\n" for one in ids))
    bench.land(bench.files("contacts: {path: '*.csv', format: csv, key: [id]}"))
    assert bench.rows("_source_file, _source_row, id", order="_source_file, _source_row") == [
        ("a.csv", 1, "1"), ("a.csv", 2, "2"), ("a.csv", 3, "3"),
        ("b.csv", 1, "4"), ("c.csv", 1, "5"), ("c.csv", 2, "6"),
    ]  # fmt: skip
