"""What the machine does to an installation: a fault ends in one sentence and leaves readers what they had."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pipeline import little_company
from pipeline.installation import Content, Installation, Said, assert_clear
from pipeline.little_company import deliver, rows_of
from pipeline.stories import staged

MEBIBYTE = 1 << 20


@contextmanager
def held_by_another_program(warehouse: Path) -> Iterator[None]:
    """Another process opens the warehouse as soon as it is free."""
    code = """
import duckdb, sys, time
while True:
    try:
        connection = duckdb.connect(sys.argv[1])
        break
    except duckdb.Error:
        pass
print("held", flush=True)
time.sleep(120)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(warehouse)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        try:
            yield
        finally:
            other.kill()


def test_a_locked_warehouse_is_told_and_readers_go_on(company: Installation) -> None:
    before = company.content()
    with held_by_another_program(company.home / "warehouse.duckdb"):
        assert_clear(company.run(), 2, "warehouse.duckdb", "in use by another program", "run again")
        assert company.status().code == 0
        assert company.who("CNTID_7").code == 0
        assert company.content() == before


@pytest.mark.long
def test_a_warehouse_that_is_locked_in_the_middle_of_a_run_is_told_and_the_next_run_goes_on(
    company: Installation,
) -> None:
    before, staged_before = company.content(), staged(company)
    with subprocess.Popen(
        company.cold_command(*company.run_arguments()), cwd=company.folder, env=os.environ | company.variables,
        stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdout
        text = ""
        for line in run.stdout:
            text += line
            if "landing hotel/stays" in line:
                break
        with held_by_another_program(company.home / "warehouse.duckdb"):
            text += run.stdout.read()
            code = run.wait()
    faults = [line[2:] for line in text.splitlines() if line[:2] in ("✗ ", "! ")]
    assert code == 1, text
    assert len(faults) == 1, text
    assert "in use by another program" in faults[0]
    assert company.content() == before
    assert company.run("--until", "staging").code == 0
    assert staged(company) == staged_before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(random.Random(1).randbytes(3 * MEBIBYTE)), id="random bytes"),
        pytest.param(lambda file: os.truncate(file, file.stat().st_size // 2), id="truncated"),
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
    ],
)
def test_a_damaged_warehouse_is_told_and_readers_go_on(company: Installation, damage: Callable[[Path], object]) -> None:
    before = company.content()
    damage(company.home / "warehouse.duckdb")
    assert_clear(company.run(), 2, "warehouse.duckdb", "is damaged", "move it away and run again")
    assert company.status().code == 0
    assert company.content() == before


@pytest.mark.long
def test_a_damaged_installation_is_rebuilt_from_landing_with_the_same_customer_numbers(company: Installation) -> None:
    before = company.content()
    (company.home / "warehouse.duckdb").unlink()
    company.published.write_bytes(random.Random(2).randbytes(MEBIBYTE))
    assert_clear(company.who("CNTID_7"), 2, "context360.duckdb", "is damaged")
    said = company.run("--no-train")
    assert said.code == 0, said.text
    assert company.content() == before
    assert "never" not in company.status().text


# --- disks and rights ------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A disk of its own, to be filled; None where this user may not mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def resize(disk: Path, mebibytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={mebibytes}m", str(disk)], check=True)


def no_file_may_grow_beyond(size: int) -> Callable[[], None]:
    """To be called in a child process: there, a larger file is refused as a full disk would refuse it."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.long
def test_a_full_disk_is_told_and_nothing_is_lost(company: Installation, small_disk: Path | None) -> None:
    limit = None
    if small_disk:
        shutil.copytree(company.home, small_disk / "home")
        company = Installation(
            small_disk, company.variables, catalog=str(company.folder / "catalog.yaml"), warm=company.warm
        )
        used = sum(file.stat().st_blocks * 512 for file in small_disk.rglob("*") if file.is_file())
        resize(small_disk, used // MEBIBYTE + 2)
    else:
        limit = no_file_may_grow_beyond((company.home / "warehouse.duckdb").stat().st_size // 2)
    before = company.content()
    deliver(
        Path(company.variables["LITTLE_COMPANY"]), "shop/online_purchases",
        little_company.with_column(rows_of("shop/online_purchases"), "TotalPrice", 11),
    )  # fmt: skip
    said = company.cold(*company.run_arguments(), preexec_fn=limit)
    assert said.code != 0
    assert said.has_no_traceback(), said.text
    assert said.faults, said.text
    assert all("disk that holds" in fault and "free space" in fault for fault in said.faults), said.text
    assert company.content() == before
    assert [file.name for file in company.published.parent.iterdir()] == ["context360.duckdb"]
    if small_disk:
        resize(small_disk, 400)
    said = company.run("--until", "core")
    assert said.code == 0, said.text
    assert company.built_value("select sum(net_amount) from core.fct_order_line") == 1_000 * 11 + 1_000 * 5
    assert company.landed("shop/online_purchases") == 2_000


def test_a_home_that_is_a_file_is_told(company: Installation, tmp_path: Path) -> None:
    file = tmp_path / "home"
    file.write_text("this is no folder")
    said = company.command("run", "--catalog", company.catalog_argument, "--home", file)
    assert_clear(said, 2, str(file))


def test_a_home_that_may_not_be_written_is_told_and_can_still_be_read(company: Installation) -> None:
    as_user = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may write everywhere, and setpriv is not there to take that right away")
        as_user = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    before = company.content()
    company.home.chmod(0o555)
    (company.home / "warehouse.lock").unlink(missing_ok=True)
    try:
        done = {
            name: subprocess.run(
                [*as_user, *company.cold_command(*arguments)], cwd=company.folder,
                env=os.environ | company.variables, capture_output=True, text=True, check=False,
            )
            for name, arguments in {
                "run": company.run_arguments(), "who": ("who", "CNTID_7", "--home", company.home),
            }.items()
        }  # fmt: skip
    finally:
        company.home.chmod(0o755)
    assert done["run"].returncode == 2, done["run"].stdout
    assert "Traceback" not in done["run"].stdout + done["run"].stderr
    assert "✗ " in done["run"].stdout
    assert "rights" in done["run"].stdout
    assert done["who"].returncode == 0
    assert company.content() == before


# --- catalogs that change --------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_key_that_nobody_delivers_is_told_and_an_installation_without_orders_runs_again_and_again(
    new_company: Callable[..., Installation],
) -> None:
    company = new_company(little_company.HOTEL_ONLY.replace("[stay_id]", "[stay_no]"))
    said = company.run("--until", "core")
    assert said.code == 1
    # The second one says that a warehouse without customers is not published.
    assert len(said.faults) == 2, said.text
    assert [word for word in ("hotel/stays", "stays.csv", "stay_no", "`key`") if word not in said.faults[0]] == []
    (company.folder / "catalog.yaml").write_text(little_company.HOTEL_ONLY)
    said = company.run("--no-train")
    assert said.code == 0, said.text
    assert company.value("select count(*) from core.fct_booking") == little_company.STAYS
    assert company.value("select count(*) from marts.customer_360") == little_company.GUESTS
    said = company.run("--no-train")
    assert said.code == 0, said.text
    assert "Nothing has changed" in said.text


@pytest.fixture(scope="module")
def without_most_systems(company_copy: Callable[[], Installation]) -> dict[str, Said | Content | int]:
    """A catalog loses all systems but the hotel, first by mistake, then on purpose; at last they come back."""
    company = company_copy()
    story: dict[str, Said | Content | int] = {"before": company.content(), "core before": company.core()}
    (company.folder / "catalog.yaml").write_text(little_company.HOTEL_ONLY)
    story["by mistake"] = company.run("--no-train")
    story["after the mistake"] = company.content()
    story["on purpose"] = company.run("--accept-shrinkage", "--no-train")
    story["order lines on purpose"] = company.value("select count(*) from core.fct_order_line")
    (company.folder / "catalog.yaml").write_text(little_company.CATALOG)
    story["back"] = company.run("--until", "core")
    story["core after they are back"] = company.core()
    return story


@pytest.mark.long
def test_a_warehouse_that_would_lose_most_of_its_rows_is_not_published(without_most_systems) -> None:
    said = without_most_systems["by mistake"]
    assert said.code == 1
    assert said.has_no_traceback()
    assert "Nothing was published" in said.text
    assert said.faults
    assert all("--accept-shrinkage" in fault for fault in said.faults), said.text
    assert without_most_systems["after the mistake"] == without_most_systems["before"]


@pytest.mark.long
def test_a_warehouse_may_lose_most_of_its_rows_where_that_is_wanted(without_most_systems) -> None:
    assert without_most_systems["on purpose"].code == 0
    assert without_most_systems["order lines on purpose"] == 0


@pytest.mark.long
def test_customers_keep_their_numbers_while_their_systems_are_away(without_most_systems) -> None:
    assert without_most_systems["back"].code == 0
    assert without_most_systems["core after they are back"] == without_most_systems["core before"]
