"""Installations that have run once: Contoso's as a user runs it, a little company's in a warm process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from golden import files_digest, home_of
from pipeline import histories, little_company
from pipeline.installation import CONTOSO, Installation, WarmCommand


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmCommand]:
    """A process that runs commands one after the other."""
    command = WarmCommand()
    yield command
    command.close()


@pytest.fixture(scope="session")
def contoso_files() -> Path:
    """The folder of the third-party files."""
    if not CONTOSO.is_dir():
        pytest.skip(f"needs the seven Contoso files in {CONTOSO}")
    return CONTOSO


@pytest.fixture(scope="session")
def contoso(contoso_files: Path) -> Installation:
    """Contoso after its first run, whose text lies beside the home. Not to be changed: copy it."""

    def installation(folder: Path) -> Installation:
        return Installation(folder, {"CONTEXT360_CONTOSO_DATA": str(contoso_files)}, catalog="contoso")

    def make(folder: Path) -> None:
        said = installation(folder).run("--no-train")
        assert said.code == 0, said.text
        (folder / "first_run.txt").write_text(said.text)

    return installation(home_of("contoso", make, inputs=files_digest(contoso_files)))


@pytest.fixture(scope="session")
def new_company(warm: WarmCommand, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Installation]:
    """Makes a little company that has not run yet: its catalog and its files."""

    def make(catalog: str = little_company.CATALOG, folder: Path | None = None) -> Installation:
        folder = folder or tmp_path_factory.mktemp("company")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "catalog.yaml").write_text(catalog)
        little_company.deliver_all(folder / "source")
        return _company_in(folder, warm)

    return make


@pytest.fixture(scope="session")
def good_company(warm: WarmCommand, new_company: Callable[..., Installation]) -> Installation:
    """The little company after one good run. Not to be changed: copy it."""

    def make(folder: Path) -> None:
        said = new_company(folder=folder).run("--no-train")
        assert said.code == 0, said.text

    inputs = files_digest(Path(little_company.__file__))
    return _company_in(home_of("little_company", make, inputs=inputs), warm)


@pytest.fixture(scope="session")
def perfect_month(warm: WarmCommand) -> Installation:
    """The month of histories.py, delivered once in perfect order and run to core. Not to be changed: copy it."""

    def installation(folder: Path) -> Installation:
        return Installation(folder, {"HISTORY": str(folder / "source")}, warm=warm)

    def make(folder: Path) -> None:
        company = installation(folder)
        (folder / "catalog.yaml").write_text(histories.CATALOG)
        histories.clear(company.source)
        histories.deliver_in_perfect_order(company.source, histories.world())
        said = company.run("--until", "core")
        assert said.code == 0, said.text

    return installation(home_of("perfect_month", make, inputs=files_digest(Path(histories.__file__))))


def _company_in(folder: Path, warm: WarmCommand) -> Installation:
    return Installation(folder, {"LITTLE_COMPANY": str(folder / "source")}, warm=warm)


@pytest.fixture(scope="session")
def company_copy(good_company: Installation, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Installation]:
    """Makes copies of the good company."""
    numbers = count(1)
    folder = tmp_path_factory.mktemp("copies")

    def make() -> Installation:
        return good_company.copy_to(folder / f"company_{next(numbers)}")

    return make


@pytest.fixture
def company(company_copy: Callable[[], Installation]) -> Installation:
    """A copy of the good company, to be broken."""
    return company_copy()
