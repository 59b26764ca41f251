"""create and advance: reproducible bytes, the right days, and no change after an error."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import duckdb
import pyarrow.parquet as pq
import pytest

from examples.veloheld.generator import company as module
from examples.veloheld.generator.api_server import chat_server
from examples.veloheld.generator.company import CompanySummary, DemoError, advance, company_at, create
from examples.veloheld.generator.parameters import Parameters, load_parameters


def hashes(folder: Path) -> dict[str, str]:
    """Every file below the folder with the hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    create(tmp_path / "a", customers=400, days=120, seed=4)
    create(tmp_path / "b", customers=400, days=120, seed=4)
    create(tmp_path / "c", customers=400, days=120, seed=5)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    ours, others = hashes(tmp_path / "a"), hashes(tmp_path / "c")
    same = [name for name in ours if ours[name] == others.get(name)]
    assert set(same) <= {"sources/shop/products.csv", "sources/pos/stores.csv", "sources/campaigns/content.csv"}


def test_parallel_processes_write_the_same_bytes_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two chunks, once in this process and once in parallel."""
    create(tmp_path / "side_by_side", customers=20_040, days=3, seed=4)
    monkeypatch.setattr(module.os, "cpu_count", lambda: 1)
    create(tmp_path / "one", customers=20_040, days=3, seed=4)
    assert hashes(tmp_path / "side_by_side") == hashes(tmp_path / "one")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A company of 160 days; the same advanced by 75; and one created with 235."""
    folder = tmp_path_factory.mktemp("pair")
    create(folder / "before", customers=1_200, days=160, seed=9)
    shutil.copytree(folder / "before", folder / "advanced")
    advance(folder / "advanced", days=75)
    create(folder / "whole", customers=1_200, days=235, seed=9)
    return folder / "before", folder / "advanced", folder / "whole"


def rows(folder: Path, pattern: str) -> Counter[str]:
    """The rows of all files of a stream, independent of the split into files."""
    found: Counter[str] = Counter()
    for path in sorted((folder / "sources").glob(pattern)):
        if path.suffix == ".parquet":
            found.update(map(str, pq.read_table(path).to_pylist()))
        elif path.suffix == ".gz":
            import gzip

            found.update(gzip.decompress(path.read_bytes()).decode().splitlines())
        else:
            found.update(path.read_text().splitlines()[1:] if path.suffix == ".csv" else path.read_text().splitlines())
    return found


@pytest.mark.parametrize(
    "pattern",
    [
        "shop/customers/*", "shop/orders/*", "shop/order_lines/*", "shop/returns/*", "shop/carts/*", "pos/receipts_*",
        "loyalty/transactions_*", "contact_centre/*", "social/*", "survey/*", "consent/*", "campaigns/redemptions_*",
        "email/*", "web/*", "app/*", "location/*", "beacon/*", "sensor/readings_*", "chat/*",
    ],
)  # fmt: skip
def test_advance_delivers_the_rows_of_a_longer_company(pair: tuple[Path, Path, Path], pattern: str) -> None:
    _, advanced, whole = pair
    assert rows(advanced, pattern) == rows(whole, pattern)


def test_snapshots_and_databases_after_advance_equal_those_of_a_longer_company(pair: tuple[Path, Path, Path]) -> None:
    _, advanced, whole = (hashes(folder) for folder in pair)
    for name in ("crm/crm.db", "helpdesk/helpdesk.db", "loyalty/members.csv", "sensor/bikes.csv",
                 "campaigns/recipients.csv", "campaigns/coupons.csv", "campaigns/offers.csv"):  # fmt: skip
        assert advanced[f"sources/{name}"] == whole[f"sources/{name}"], name
    for name in ("persons", "purchase_process", "future_purchases", "needs", "records", "relations"):
        assert advanced[f"truth/{name}.parquet"] == whole[f"truth/{name}.parquet"], name


def test_advance_does_not_change_delivered_days(pair: tuple[Path, Path, Path]) -> None:
    before, advanced, _ = (hashes(folder) for folder in pair)
    snapshots = ("members.csv", ".db", "bikes.csv", "recipients.csv", "coupons.csv", "offers.csv", "campaigns.csv")
    for name, digest in before.items():
        if name.startswith("sources/") and not name.endswith(snapshots):
            assert advanced[name] == digest, name


def test_advance_delivers_the_future_purchases_of_the_truth(pair: tuple[Path, Path, Path]) -> None:
    before, advanced, _ = pair
    ask = duckdb.connect()
    last = company_at(advanced).last_day
    foretold = set(ask.execute(
        f"SELECT order_no FROM '{before}/truth/future_purchases.parquet' WHERE happened_at::DATE <= ?", [last]
    ).fetchall())  # fmt: skip
    came = set(ask.execute(
        f"SELECT order_no FROM '{advanced}/truth/orders.from_20241208.parquet' UNION "
        f"SELECT receipt_no FROM '{advanced}/truth/receipts.from_20241208.parquet' WHERE receipt_no NOT IN "
        f"(SELECT receipt_no FROM read_csv('{advanced}/sources/pos/receipts_*.csv', delim=';', all_varchar=true) "
        "WHERE kind = 'R')"
    ).fetchall())  # fmt: skip
    late = {row[0].split("-")[0] for row in ask.execute(
        f"SELECT record_id FROM read_parquet('{advanced}/truth/planted_rows.*parquet') WHERE kind = 'late'"
    ).fetchall()}  # fmt: skip
    assert len(foretold) > 50
    # A late row of the old days arrives in the new ones, one of the last days has not arrived yet.
    missing = {number for (number,) in foretold - came}
    assert len(missing) <= 3
    assert {number for (number,) in came - foretold} <= late


def test_summary_holds_first_and_last_day(company: CompanySummary) -> None:
    assert company.first_day == date(2024, 7, 1) and company.last_day == date(2025, 12, 30)
    assert company.as_of.isoformat() == "2025-12-31T00:00:00+00:00"
    assert company_at(company.folder) == company


def test_a_second_create_replaces_the_first(tmp_path: Path) -> None:
    create(tmp_path / "x", customers=20, days=60, seed=1)
    create(tmp_path / "x", customers=20, days=5, seed=1)
    assert not list((tmp_path / "x/sources/web").glob("*2024-08*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"customers": 0}, "number of customers"), ({"customers": -5}, "number of customers"),
        ({"days": 0}, "number of days"), ({"days": -1}, "number of days"), ({"days": 99_999}, "number of days"),
        ({"seed": -1}, "seed"), ({"customers": 10**9}, "number of customers"),
    ],
)  # fmt: skip
def test_bad_sizes_change_nothing(tmp_path: Path, arguments: dict[str, int], sentence: str) -> None:
    with pytest.raises(DemoError, match=sentence):
        create(tmp_path / "x", **({"customers": 10, "days": 5, "seed": 1} | arguments))
    assert list(tmp_path.iterdir()) == []


def test_folder_with_other_content_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("three years of work")
    (tmp_path / "file").write_text("x")
    before = hashes(tmp_path)
    with pytest.raises(DemoError, match="holds something else"):
        create(tmp_path / "mine", customers=10, days=5, seed=1)
    with pytest.raises(DemoError, match="is a file"):
        create(tmp_path / "file", customers=10, days=5, seed=1)
    with pytest.raises(DemoError, match="holds no demo company"):
        advance(tmp_path / "mine", days=3)
    assert hashes(tmp_path) == before


def test_too_little_disk_space_is_reported_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(DemoError, match="GB are free"):
        create(tmp_path / "x", customers=10, days=5, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_the_old_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "x", customers=20, days=5, seed=1)
    before = hashes(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("examples.veloheld.generator.files.write_files", full)
    with pytest.raises(DemoError, match="No space left on device"):
        create(tmp_path / "x", customers=20, days=8, seed=1)
    with pytest.raises(DemoError, match="No space left on device"):
        advance(tmp_path / "x", days=2)
    assert hashes(tmp_path) == before


@pytest.mark.parametrize("customers", [1, 2, 3, 7])
@pytest.mark.parametrize("days", [1, 40])
def test_the_smallest_companies_can_be_written(tmp_path: Path, customers: int, days: int) -> None:
    assert create(tmp_path / "x", customers=customers, days=days, seed=2).customers == customers
    assert advance(tmp_path / "x", days=1).days == days + 1


def test_progress_runs_from_people_to_done(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    create(tmp_path / "x", customers=1, days=1, seed=0, progress=lambda text, share: seen.append((text, share)))
    assert [share for _, share in seen] == sorted(share for _, share in seen)
    assert seen[-1] == ("done", 1.0)


def test_every_parameter_has_a_comment() -> None:
    lines = Path(module.__file__).with_name("parameters.yaml").read_text().splitlines()
    names = {name for section in load_parameters().model_dump().values() for name in section}
    assert all(any(line.strip().startswith(f"{name}:") for line in lines) for name in names)
    assert Parameters.model_validate(load_parameters().model_dump()) == load_parameters()


# ---- the chat provider -------------------------------------------------------------------------------------------


def get(url: str, token: str) -> dict:
    with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=10) as answer:
        return json.load(answer)


def test_chat_pages_hold_every_message_once_in_order(company: CompanySummary) -> None:
    with chat_server(company.folder / "sources", page_size=400) as server:
        found, path = [], "/v1/messages?since=2025-09-01T00:00:00Z"
        while path:
            page = get(server.base_url + path, server.token)
            found += page["messages"]
            path = page["next"]
    stored = duckdb.sql(
        f"SELECT count(DISTINCT message_id), count(*) FROM (SELECT message_id, max(updated_at) AS newest FROM "
        f"'{company.folder}/sources/chat/*.parquet' GROUP BY 1) WHERE newest >= '2025-09-01 00:00:00+00'"
    ).fetchone()
    assert (len({message["message_id"] for message in found}), len(found)) == stored
    assert [message["updated_at"] for message in found] == sorted(message["updated_at"] for message in found)
    assert len(found) > 500


def test_chat_refuses_a_wrong_token(company: CompanySummary) -> None:
    with chat_server(company.folder / "sources") as server, pytest.raises(HTTPError) as refused:
        get(server.base_url + "/v1/messages", "guessed")
    assert refused.value.code == 401


def test_chat_answers_after_the_rate_limit(company: CompanySummary) -> None:
    with chat_server(company.folder / "sources", requests_per_second=2) as server:
        waits = []
        for _ in range(8):
            try:
                get(server.base_url + "/v1/messages", server.token)
            except HTTPError as error:
                assert error.code == 429
                waits.append(int(error.headers["Retry-After"]))
        assert waits and all(wait >= 1 for wait in waits)
        time.sleep(1.1)
        assert get(server.base_url + "/v1/messages", server.token)["messages"]


@pytest.mark.parametrize("query", ["since=yesterday", "page=0", "page=first"])
def test_chat_explains_bad_requests(company: CompanySummary, query: str) -> None:
    with chat_server(company.folder / "sources") as server, pytest.raises(HTTPError) as refused:
        get(f"{server.base_url}/v1/messages?{query}", server.token)
    assert refused.value.code == 400
