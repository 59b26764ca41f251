"""Landing loses and duplicates no row, whatever happens to the process, the working folder or the disk."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from orchestration.channels.errors import ChannelError
from orchestration.channels.landing.declared_columns import ensure_declared_columns
from orchestration.channels.landing.loads import accept, hold, pending_loads
from tests.channels.killed_landing import KILLS, land_and_die

if TYPE_CHECKING:
    from tests.channels.conftest import Bench

CONTACTS = "contacts: {path: '*.csv', format: csv}"
STREAM = ("shop", "contacts")


def deliver(bench: Bench, name: str, first: int, count: int) -> None:
    lines = "".join(f"{number},x\n" for number in range(first, first + count))
    (bench.data / name).write_text("Id,Name\n" + lines)


# Killed at these points, a landing has stored the most that could be lost or doubled; the others are long tests.
SHORT_KILLS = (
    "after the extracted package is committed",
    "half-way through the copy of a data file",
    "before the marker is stored",
    "after the marker is stored",
)


@pytest.mark.parametrize(
    "point", [point if point in SHORT_KILLS else pytest.param(point, marks=pytest.mark.long) for point in KILLS]
)
def test_killed_landing_loses_and_duplicates_no_row(bench: Bench, point: str) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 0, 10)
    first = bench.land(catalog)
    deliver(bench, "b.csv", 10, 20)
    deliver(bench, "c.csv", 30, 20)
    land_and_die(bench, point)
    complete = {load.load_id for load in pending_loads(bench.landing_url, *STREAM)}
    assert complete >= {first.load_id}

    bench.land(catalog)
    assert bench.rows("id::INT") == [(number,) for number in range(50)]
    assert bench.land(catalog).load_id is None
    deliver(bench, "d.csv", 50, 5)
    assert bench.land(catalog).rows == 5
    assert bench.rows("id::INT") == [(number,) for number in range(55)]
    waiting = pending_loads(bench.landing_url, *STREAM)
    assert sum(load.rows for load in waiting) == 55


@pytest.mark.parametrize("point", ["half-way through the copy of a data file", "before the marker is stored"])
def test_killed_landing_without_its_working_folder_loses_and_duplicates_no_row(bench: Bench, point: str) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 0, 10)
    bench.land(catalog)
    deliver(bench, "b.csv", 10, 20)
    land_and_die(bench, point)
    shutil.rmtree(bench.working_dir)
    assert bench.land(catalog).rows == 20
    assert bench.rows("id::INT") == [(number,) for number in range(30)]
    assert bench.land(catalog).load_id is None


def test_rows_of_an_incomplete_load_are_not_pending(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 0, 10)
    land_and_die(bench, "before the marker is stored")
    assert len(bench.rows("*")) == 10
    assert pending_loads(bench.landing_url, *STREAM) == []
    recovered = bench.land(catalog)
    (load,) = pending_loads(bench.landing_url, *STREAM)
    assert recovered.recovered == (load.load_id,)


def test_lost_working_folder_is_restored_from_landing(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 0, 10)
    bench.land(catalog)
    shutil.rmtree(bench.working_dir)
    assert bench.land(catalog).load_id is None


def test_lost_landing_is_filled_again(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 0, 10)
    bench.land(catalog)
    shutil.rmtree(bench.landing_url)
    assert bench.land(catalog).rows == 10
    assert bench.land(catalog).load_id is None


def test_working_folder_holds_no_second_copy_of_the_data(bench: Bench) -> None:
    deliver(bench, "a.csv", 0, 100_000)
    bench.land(bench.files(CONTACTS))
    assert sum(path.stat().st_size for path in bench.working_dir.rglob("*") if path.is_file()) < 100_000


def test_landing_writes_nothing_to_the_terminal(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    deliver(bench, "a.csv", 0, 10)
    bench.land(bench.files(CONTACTS))
    assert capfd.readouterr() == ("", "")


def test_second_process_on_the_same_stream_is_rejected(bench: Bench) -> None:
    from filelock import FileLock

    deliver(bench, "a.csv", 0, 10)
    bench.working_dir.mkdir()
    with FileLock(bench.working_dir / "shop__contacts.lock"), pytest.raises(ChannelError, match="another") as caught:
        bench.land(bench.files(CONTACTS))
    assert caught.value.transient


# --- Accepting and holding loads -------------------------------------------------------------------------------------


def test_accepted_load_is_in_rows_and_no_longer_pending(bench: Bench) -> None:
    deliver(bench, "a.csv", 0, 10)
    landed = bench.land(bench.files(CONTACTS))
    assert landed.load_id is not None
    (load,) = pending_loads(bench.landing_url, *STREAM)
    assert (load.load_id, load.state, load.rows, load.source_files) == (landed.load_id, "incoming", 10, {"a.csv"})
    for _ in range(2):
        accept(bench.landing_url, *STREAM, landed.load_id)
    assert pending_loads(bench.landing_url, *STREAM) == []
    assert (len(bench.rows("*")), len(bench.rows("*", "shop/contacts/rows"))) == (0, 10)


def test_held_load_can_be_released_and_an_accepted_one_held(bench: Bench) -> None:
    deliver(bench, "a.csv", 0, 10)
    load_id = bench.land(bench.files(CONTACTS)).load_id
    assert load_id is not None
    for move, folder in ((hold, "held"), (accept, "rows"), (hold, "held")):
        move(bench.landing_url, *STREAM, load_id)
        assert len(bench.rows("*", f"shop/contacts/{folder}")) == 10


def test_held_load_is_superseded_once_its_files_are_accepted_in_a_newer_one(bench: Bench) -> None:
    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 0, 10)
    deliver(bench, "b.csv", 10, 10)
    first = bench.land(catalog).load_id
    assert first is not None
    hold(bench.landing_url, *STREAM, first)

    def superseded() -> bool:
        (held,) = [load for load in pending_loads(bench.landing_url, *STREAM) if load.state == "held"]
        return held.superseded

    for name, first_number in (("a.csv", 0), ("b.csv", 10)):
        assert not superseded()
        deliver(bench, name, first_number, 11)
        newer = bench.land(catalog).load_id
        assert newer is not None
        assert not superseded()
        accept(bench.landing_url, *STREAM, newer)
    assert superseded()


def test_unknown_load_is_an_error(bench: Bench) -> None:
    with pytest.raises(ChannelError, match="landing has no complete load 1.5; choose one that pending_loads lists"):
        accept(bench.landing_url, *STREAM, "1.5")


def test_interrupted_acceptance_is_completed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(bench, "a.csv", 0, 10)
    load_id = bench.land(bench.files(CONTACTS)).load_id
    assert load_id is not None
    # A load of two files, of which one is moved before the process ends.
    (whole,) = Path(bench.landing_url, "shop/contacts/incoming").glob("*.parquet")
    shutil.copy(whole, whole.with_name(f"{load_id}.zzz.parquet"))
    moves: list[Path] = []

    def replace_once(path: Path, target: str) -> Path:
        if path.suffix == ".parquet":
            moves.append(path)
            if len(moves) == 2:
                raise KeyboardInterrupt
        return path.rename(target)

    monkeypatch.setattr(Path, "replace", replace_once)
    with pytest.raises(KeyboardInterrupt):
        accept(bench.landing_url, *STREAM, load_id)
    monkeypatch.undo()
    assert len(bench.rows("*", "shop/contacts/rows")) == 10
    assert pending_loads(bench.landing_url, *STREAM) == []
    assert len(bench.rows("*", "shop/contacts/rows")) == 20


def test_declared_columns_make_an_empty_stream_readable(bench: Bench) -> None:
    declared = {"id": "BIGINT", "name": "VARCHAR", "born": "DATE", "seen": "TIMESTAMP"}
    for _ in range(2):
        ensure_declared_columns(bench.landing_url, *STREAM, declared)
    with duckdb.connect() as connection:
        folder = f"{bench.landing_url}/shop/contacts"
        found = connection.execute(
            f"DESCRIBE SELECT * FROM read_parquet('{folder}/rows/*.parquet', union_by_name = true)"
        ).fetchall()
        assert {row[0]: row[1] for row in found} == {
            **declared,
            "_dlt_load_id": "VARCHAR",
            "_source_file": "VARCHAR",
            "_source_row": "BIGINT",
            "_source_day": "DATE",
        }
        rejects = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{folder}/rejects/*.parquet')").fetchall()
        assert [row[0] for row in rejects] == [
            "_dlt_load_id", "_source_file", "_source_row", "_source_day", "raw", "reason",
        ]  # fmt: skip


def test_declared_columns_are_written_only_when_they_change(bench: Bench) -> None:
    path = Path(bench.landing_url, "shop/contacts/rows/declared.parquet")
    ensure_declared_columns(bench.landing_url, *STREAM, {"id": "BIGINT"})
    before = path.stat().st_ino
    ensure_declared_columns(bench.landing_url, *STREAM, {"id": "BIGINT"})
    assert path.stat().st_ino == before
    ensure_declared_columns(bench.landing_url, *STREAM, {"id": "BIGINT", "name": "VARCHAR"})
    assert path.stat().st_ino != before
    with pytest.raises(ChannelError, match="a type that DuckDB does not know"):
        ensure_declared_columns(bench.landing_url, *STREAM, {"id": "NUMBERISH"})


def test_declared_columns_do_not_change_accepted_rows(bench: Bench) -> None:
    deliver(bench, "a.csv", 0, 10)
    load_id = bench.land(bench.files(CONTACTS), declared={"id": "VARCHAR", "name": "VARCHAR"}).load_id
    assert load_id is not None
    accept(bench.landing_url, *STREAM, load_id)
    assert bench.rows("count(*), min(id::INT)", "shop/contacts/rows") == [(10, 0)]


# --- A full disk -----------------------------------------------------------------------------------------------------


def test_full_disk_is_reported_and_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.local import LocalFileSystem

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    catalog = bench.files(CONTACTS)
    deliver(bench, "a.csv", 0, 10)
    monkeypatch.setattr(LocalFileSystem, "put_file", full)
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    with pytest.raises(ChannelError, match=r"^shop/contacts: the disk that holds .* is full; free space and run again"):
        bench.land(catalog)
    monkeypatch.undo()
    bench.land(catalog)
    assert bench.rows("id::INT") == [(number,) for number in range(10)]
    assert bench.land(catalog).load_id is None


# --- An object store -------------------------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    yield f"http://{host}:{port}"
    server.stop()


def test_object_store_is_a_source_and_a_landing(bench: Bench, s3: str) -> None:
    import boto3
    import s3fs

    client = boto3.client("s3")
    client.create_bucket(Bucket="inbox")
    client.create_bucket(Bucket="lake")
    client.put_object(Bucket="inbox", Key="day/a.csv", Body=b"Id,Name\n1,x\n2,y\nbad\n")
    catalog = bench.catalog(
        "shop:\n  connector: files\n  location: s3://inbox/day\n  streams:\n"
        "    contacts: {path: '*.csv', format: csv}\n"
    )
    bench.landing_url = "s3://lake/landing"
    landed = bench.land(catalog, declared={"id": "VARCHAR"})
    assert (landed.rows, landed.rejected_rows, landed.files) == (2, 1, ("a.csv",))
    assert landed.load_id is not None
    assert bench.land(catalog).load_id is None
    client.put_object(Bucket="inbox", Key="day/b.csv", Body=b"Id,Name\n3,z\n")
    second = bench.land(catalog)
    assert (second.rows, second.files) == (1, ("b.csv",))
    shutil.rmtree(bench.working_dir)
    assert bench.land(catalog).load_id is None

    first, _ = pending_loads(bench.landing_url, *STREAM)
    assert (first.rows, first.source_files) == (2, {"a.csv"})
    accept(bench.landing_url, *STREAM, landed.load_id)
    hold(bench.landing_url, *STREAM, str(second.load_id))
    assert [load.state for load in pending_loads(bench.landing_url, *STREAM)] == ["held"]
    store = s3fs.S3FileSystem(skip_instance_cache=True)
    with duckdb.connect() as connection:
        connection.register_filesystem(store)
        found = connection.execute(
            "SELECT id FROM read_parquet('s3://lake/landing/shop/contacts/rows/*.parquet', union_by_name = true) "
            "ORDER BY id"
        ).fetchall()
    assert found == [("1",), ("2",)]
