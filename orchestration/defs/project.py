"""What all definitions share: the installation they are made for, and the run that they are part of."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from expectations.data_docs import DataDocs
from orchestration.channels.catalog import Catalog
from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.errors import CatalogError
from orchestration.channels.services import ServiceError, running_services
from orchestration.defs.dagster_internals import prune_history
from orchestration.firm.folder import FirmError, firm_folder
from orchestration.firm.state import StateError, bring_up_to_date
from orchestration.identity.register import register_moment
from orchestration.privacy.before_runs import refuse_unfinished_erasure
from orchestration.settings import Settings
from orchestration.warehouse.compaction import compact
from orchestration.warehouse.connection import WarehouseError, only_run, open_warehouse
from orchestration.warehouse.dbt import DbtProject
from orchestration.warehouse.engine_functions import held_warehouse

AS_OF_TAG = "context360/as_of"
CATALOG_TAG = "context360/catalog"
# Runs of which Dagster keeps the log: a month of nights, at 3 to 10 MB each.
KEPT_RUNS = 30
STARTED_BY_TAG = "context360/started_by"  # of runs that no person started in Dagster


@contextmanager
def in_one_sentence(*errors: type[Exception]) -> Iterator[None]:
    """Where one of these errors stops a step, Dagster shows its sentence and no traceback."""
    try:
        yield
    except errors as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


@dataclass(frozen=True)
class Reports:
    """Where people read reports. url: under which the folder is served, if it is."""

    folder: Path
    url: str | None

    def link(self, file: str) -> Any:
        """A report as Dagster shows it: a link where the folder is served, else its path, which a browser may not open
        from a page of a server."""
        if self.url:
            return dg.MetadataValue.url(f"{self.url.rstrip('/')}/{file}")
        return dg.MetadataValue.path(str(self.folder / file))


@dataclass(frozen=True)
class Installation:
    """One firm's installation: where it is, which systems it has, and its dbt project."""

    settings: Settings
    catalog: Catalog
    dbt: DbtProject
    # One writer: while a step has the warehouse open, a step beside it waits.
    _turn: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def reports(self) -> Reports:
        """Where people read Data Docs and the other reports."""
        return Reports(self.settings.reports_path, self.settings.reports_url)

    @contextmanager
    def warehouse(self) -> Iterator:
        """A connection to the warehouse for one step. One that cannot be used stops the step with a sentence."""
        with in_one_sentence(WarehouseError), self._turn, open_warehouse(self.settings.warehouse_path) as connection:
            yield connection


class RunResource(dg.ConfigurableResource):
    """What is true for the whole run. Holds the warehouse, so that no second run writes into it."""

    as_of: str | None = Field(
        default=None,
        description="Moment for which the answers are true (UTC, e.g. 2026-01-31 or 2026-01-31T12:00). Default: the "
        "catalog's `as_of`, or else the moment at which the run was made.",
    )
    full_refresh: bool = Field(default=False, description="Rebuild every table from landing.")
    accept_shrinkage: bool = Field(
        default=False, description="Publish although a table has lost more than half its rows since the last time."
    )
    train: bool | None = Field(
        default=None,
        description="True: train the models anew, as the schedule `weekly_training` does. False: do not train, also "
        "where no model is trained yet; base rates count there. Default: train where no model is trained yet.",
    )
    home_path: str = Field(description="Folder with all state.")
    lock_path: str = Field(description="File that says that the warehouse is taken.")
    warehouse_path: str = Field(description="The warehouse file.")
    reports_path: str = Field(description="Folder for Data Docs.")
    catalog_as_of: str | None = Field(default=None, description="The catalog's `as_of`.")
    catalog_path: str = Field(description="The catalog; its services run for as long as the run does.")
    identity_path: str = Field(description="Folder of the register of customer numbers.")

    _moment: datetime | None = PrivateAttr(default=None)
    _made_at: datetime | None = PrivateAttr(default=None)
    _register_moment: datetime | None = PrivateAttr(default=None)
    _docs: DataDocs | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["RunResource"]:
        with ExitStack() as stack:
            with in_one_sentence(CatalogError, FirmError, ServiceError, StateError, WarehouseError, ValueError):
                self._made_at = self._made_at_of(context)
                self._moment = self._moment_of(context)
                self._register_moment = register_moment(Path(self.identity_path))
                if self.is_replay and self.train:
                    raise ValueError(
                        f"A run as of {self.moment:%Y-%m-%d %H:%M} cannot train: runs up to "
                        f"{self._register_moment:%Y-%m-%d %H:%M} were published, and their models stay. "
                        "Leave out --train."
                    )
                stack.enter_context(only_run(Path(self.lock_path)))
                refuse_unfinished_erasure(Path(self.home_path))
                for sentence in bring_up_to_date(Path(self.home_path)):
                    dg.get_dagster_logger().warning(sentence)
                stack.callback(self._compact)  # when nothing has the warehouse open any more
                # Locked or damaged: say so before any work is done. Held for the whole run: opening costs time.
                stack.enter_context(held_warehouse(Path(self.warehouse_path)))
                stack.enter_context(self._services())
            is_part = context.run is not None and context.run.asset_selection is not None
            self._docs = DataDocs(Path(self.reports_path) / "data_docs", keeps_others=is_part)
            try:
                yield self
            finally:
                if context.instance is not None:
                    prune_history(context.instance, kept_runs=KEPT_RUNS)
                try:
                    self._docs.build()  # above all where the run has failed
                except OSError as error:
                    # A report that cannot be written must not hide what the run has done.
                    dg.get_dagster_logger().warning(
                        f"Data Docs could not be written to {self.reports_path} ({error.strerror})."
                    )

    @property
    def moment(self) -> datetime:
        """The `as of` of the run (naive UTC)."""
        assert self._moment is not None
        return self._moment

    @property
    def known_until(self) -> datetime | None:
        """The moment after which the run knows nothing: its `as of`, if one was asked for that lies in the past."""
        asked = self.as_of is not None and self._made_at is not None and self.moment < self._made_at
        return self.moment if asked else None

    @property
    def is_replay(self) -> bool:
        """Whether a later run was published: then this one writes no numbers, models, scores or proposals."""
        last = self._register_moment
        return self.known_until is not None and last is not None and self.moment < last

    @property
    def decided_at(self) -> datetime:
        """From when the run's decisions count: its moment, or that at which it was made if that is earlier."""
        return min(self.moment, self._made_at) if self._made_at else self.moment

    @property
    def compares_sizes(self) -> bool:
        """Whether tables may not lose most of their rows: those of a past moment have fewer, as they should."""
        return not self.accept_shrinkage and self.known_until is None

    @property
    def docs(self) -> DataDocs:
        assert self._docs is not None
        return self._docs

    def _compact(self) -> None:
        """Returns the disk space that the run has freed. A warehouse that stays large is no reason to fail."""
        try:
            shrunk = compact(Path(self.warehouse_path))
        except (OSError, WarehouseError) as error:
            dg.get_dagster_logger().warning(f"The warehouse could not be compacted. {error}")
            return
        if shrunk:
            dg.get_dagster_logger().info(f"The warehouse file is {shrunk / 1e6:,.0f} MB smaller.")

    def _services(self) -> AbstractContextManager[None]:
        path = Path(self.catalog_path)
        catalog = load_catalog(path, os.environ)
        folder = firm_folder(path, catalog.project).path if catalog.services else path.parent
        return running_services(catalog.services, catalog_folder=path.parent, project_folder=folder)

    def _moment_of(self, context: dg.InitResourceContext) -> datetime:
        chosen = self.as_of or self.catalog_as_of
        run = context.run
        if chosen is None and run is not None:
            chosen = run.tags.get(AS_OF_TAG)
        if chosen is not None:
            return moment_from(chosen)
        if self._made_at is not None:
            return self._made_at
        raise ValueError("The run has no `as of`: set it in the launchpad under resources › run › config.")

    def _made_at_of(self, context: dg.InitResourceContext) -> datetime | None:
        """When the run was made; None where the instance has no record of it."""
        if context.run is None or context.instance is None:
            return None
        record = context.instance.get_run_record_by_id(context.run.run_id)
        return record.create_timestamp.astimezone(UTC).replace(tzinfo=None, microsecond=0) if record else None


@dataclass(frozen=True)
class PythonStep:
    """What a step makes in Python after its tables, also where those were not due.

    make: of the step's context, the run, and whether the tables were built; yields what it has materialised.
    """

    specs: tuple[dg.AssetSpec, ...]
    make: Callable[[dg.AssetExecutionContext, RunResource, bool], Iterator[Any]]


def moment_from(text: str | date | datetime) -> datetime:
    """A moment (naive UTC) from a date or a date and time. Raises ValueError that says how to write one."""
    if isinstance(text, date) and not isinstance(text, datetime):
        return datetime.combine(text, time.min)
    try:
        moment = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is not a moment: write 2026-01-31, or 2026-01-31T12:00 (UTC).") from error
    if moment.year < 1970:
        raise ValueError(f"'{text}' lies before 1970: no system has delivered anything by then.")
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def run_resource(installation: Installation) -> Any:
    """The run resource for this installation; `as_of` and `full_refresh` are set when a run is launched."""
    settings, fixed = installation.settings, installation.catalog.as_of
    return RunResource.configure_at_launch(
        home_path=str(settings.home),
        lock_path=str(settings.lock_path),
        warehouse_path=str(settings.warehouse_path),
        reports_path=str(settings.reports_path),
        catalog_as_of=moment_from(fixed).isoformat() if fixed else None,
        catalog_path=str(settings.catalog_path),
        identity_path=str(settings.identity_path),
    )
