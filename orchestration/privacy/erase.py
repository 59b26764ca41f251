"""Erasing customers: everywhere in the state folder, and for good.

The plan is written down first (`privacy/erasure/plan.json`); from then on the erasure is decided. Each step can be
repeated, so that one that was killed goes on where it was: `resume`. Last, the plan itself goes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import Catalog
from orchestration.channels.connectors import REJECTS
from orchestration.channels.landing.folder import StreamFolder
from orchestration.channels.landing.removal import DataFile, Removed, Verdict, data_files, rewrite
from orchestration.channels.landing.row_owners import Owners, hold_out, keep_rules, write_private
from orchestration.identity.register import keep_register, register_moment
from orchestration.privacy.certificate import Certificate, Place, certificate_of, place_of, search
from orchestration.privacy.home_files import files_below, hits_in, kind_of, mask_text, scrub_sqlite, scrub_text
from orchestration.privacy.person import people_of
from orchestration.privacy.plan import Plan, plan_erasure, read_plan
from orchestration.privacy.stream_rules import rules_fingerprint, rules_of_project
from orchestration.privacy.tables import Leaving, scrub_parquet, scrub_tables
from orchestration.privacy.values import Finder
from orchestration.serving.profile_store import has_profiles, write_profiles
from orchestration.settings import Settings
from orchestration.warehouse.build_record import forget_all
from orchestration.warehouse.compaction import write_anew
from orchestration.warehouse.connection import open_warehouse, table_exists
from orchestration.warehouse.engine_functions import add_functions
from orchestration.warehouse.staging_sources import personal_source_columns

if TYPE_CHECKING:
    import duckdb

    from orchestration.warehouse.dbt import DbtProject

# What runs make anew: a file that holds a value and is no table or text goes.
_MADE_ANEW = ("dbt", "dagster", "extraction", "reports")


class ErasureError(Exception):
    """An erasure that cannot be carried out; the message says why and what to do."""


@dataclass(frozen=True)
class Firm:
    """What an erasure needs to know of an installation. personal: stream -> its landed personal columns.

    personal_columns: names of all columns that are tagged as personal data.
    """

    settings: Settings
    catalog: Catalog
    project: DbtProject
    personal: Mapping[str, frozenset[str]]
    personal_columns: frozenset[str]
    canonical: Mapping[str, Mapping[str, Any]]

    @property
    def journal(self) -> Path:
        """The folder of an erasure that goes on."""
        return self.settings.privacy_path / "erasure"

    @property
    def books_reasons(self) -> dict[str, str]:
        """Stream -> why its rows outlive the erasure of their person."""
        return {stream.label: stream.books.reason for _, stream in self.catalog.streams() if stream.books}


def firm_of(settings: Settings, catalog: Catalog, project: DbtProject) -> Firm:
    """The installation, with what its project tags as personal data."""
    personal = {
        f"{system.name}/{name}": columns
        for system in catalog.systems.values()
        for name, columns in personal_source_columns(project.firm, system.staging_folder).items()
    }
    nodes = [*project.manifest["nodes"].values(), *project.manifest["sources"].values()]
    tagged = {
        column["name"]
        for node in nodes
        for column in node["columns"].values()
        if ((column.get("config") or {}).get("meta") or {}).get("personal_data")
    }
    canonical = {
        about["stream"]: about for node in nodes if (about := (node["config"].get("meta") or {}).get("canonical"))
    }
    return Firm(settings, catalog, project, personal, frozenset(tagged.union(*personal.values())), canonical)


def plan_for(firm: Firm, keys: Collection[int], erased_at: datetime) -> Plan:
    """What goes when these customers are erased. Changes nothing.

    erased_at: naive UTC; what happens later and is delivered under a new record number is a new customer's. Raises
    ErasureError where a model's SQL cannot be followed: rows might stay unseen.
    """
    rules = rules_of_project(firm.project, firm.catalog, erased_at)
    if rules.unfollowed:
        raise ErasureError(
            "Nothing was erased: whose the rows of some streams are cannot be followed through the SQL of "
            f"{'; '.join(rules.unfollowed)}. Simplify the contribution."
        )
    with open_warehouse(firm.settings.warehouse_path, read_only=True) as warehouse:
        people = people_of(warehouse, keys, firm.canonical)
        shown = _shown_values(warehouse, firm.personal_columns)
    import duckdb

    with duckdb.connect() as connection:
        add_functions(connection)
        return plan_erasure(
            connection, people, rules.streams, firm.settings.landing_url, firm.personal_columns, erased_at, shown
        )


def _shown_values(connection: duckdb.DuckDBPyConnection, personal_columns: Collection[str]) -> list[str]:
    """What core shows of the leaving customers alone, in columns with personal data."""
    found: list[str] = []
    for table in ("dim_customer", "dim_customer_history"):
        columns = {row[0]: row[1] for row in connection.execute(f"describe core.{table}").fetchall()}
        for column in sorted(columns.keys() & personal_columns):
            found += [
                str(value)
                for (value,) in connection.execute(
                    f'select distinct "{column}" from core.{table} semi join leaving using (customer_key)'
                    f' where "{column}" is not null except select distinct "{column}" from core.{table}'
                    " anti join leaving using (customer_key)"
                ).fetchall()
            ]
    return found


def erase(firm: Firm, plan: Plan, log: Callable[[str], None]) -> Certificate:
    """Carries out a plan, and proves it. log: called with one message per step.

    The caller holds the lock of the warehouse. Can be called again after it was interrupted.
    """
    settings = firm.settings
    plan.keep(firm.journal)
    hold_out(settings.privacy_path, plan.people.tokens.items(), plan.moment)
    keep_rules(settings.privacy_path, plan.rules, rules_fingerprint(firm.project))
    changed: dict[str, int] = {}
    finder = Finder(plan.words, plan.cells)
    import duckdb

    with duckdb.connect() as connection:
        add_functions(connection)
        removed = _erase_landing(connection, firm, plan, finder)
        changed["landing"] = removed.erased + removed.blanked + removed.changed
    log(f"landing: {removed.files:,} files rewritten")
    for path in _warehouses(settings):
        changed[place_of(path, settings.home)] = _erase_warehouse(firm, plan, finder, path)
        log(f"{path.name}: written anew")
    if settings.profiles_path.is_file():
        with open_warehouse(settings.serving_path, read_only=True) as connection:
            if has_profiles(connection):
                write_profiles(connection, settings.profiles_path)
    for place, count in _erase_other_files(firm, plan, finder).items():
        changed[place] = changed.get(place, 0) + count
    log("other files: searched")
    places = search(settings.home, finder, firm.personal_columns, _left_out(firm))
    for name, count in changed.items():
        places.setdefault(name, Place()).changed += count
    certificate = certificate_of(plan, places, settings.privacy_path, firm.books_reasons, _not_searched(firm))
    certificate.write(settings.privacy_path / "certificates")
    return certificate


def close(firm: Firm) -> None:
    """Ends an erasure: the plan, which names the people, goes."""
    shutil.rmtree(firm.journal, ignore_errors=True)


def unfinished(settings: Settings) -> Plan | None:
    """The plan of an erasure that was interrupted."""
    return read_plan(settings.privacy_path / "erasure")


def source_list(plan: Plan) -> str:
    """The records that must be erased at their source, as CSV: it names people, and belongs to the source's owner."""
    rows = [f'{system},"{number.replace(chr(34), chr(34) * 2)}"' for system, number in sorted(plan.people.records)]
    return "\n".join(["source_system,source_record_id", *rows]) + "\n"


def write_source_list(plan: Plan, file: Path) -> None:
    """Writes `source_list`, readable for its owner only."""
    write_private(file, source_list(plan).encode())


def _left_out(firm: Firm) -> tuple[Path, ...]:
    return (firm.journal, firm.settings.demo_path)


def _not_searched(firm: Firm) -> list[str]:
    found = []
    if "://" in firm.settings.landing_url:
        found.append("landing outside of this folder: its rows were erased, its other files were not searched")
    if firm.settings.demo_path.is_dir():
        found.append(f"{firm.settings.demo_path.name}: a source system, not state")
    return [*found, "backups outside of this folder: erase again after you restore one, or let the next run do it"]


def _erase_landing(connection: duckdb.DuckDBPyConnection, firm: Firm, plan: Plan, finder: Finder) -> Removed:
    """Takes the rows of these people out of landing, and what the rows of others say of them."""
    owners = Owners.of_tokens(connection, list(plan.people.tokens))
    total = Removed()
    for label, rules in plan.rules.items():
        folder = StreamFolder(firm.settings.landing_url, *label.split("/"))
        folder.finish_moves()
        for file in data_files(folder):
            verdict = owners.verdict(file, rules, plan.moment)
            _add_mentions(verdict, file, finder)
            total += rewrite(folder, file, verdict)
    return total


def _add_mentions(verdict: Verdict, file: DataFile, finder: Finder) -> None:
    """Adds what other rows say of these people: the value is replaced. A row that could not be read goes as a whole."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file.path) as opened:
        names = [column.name for column in opened.schema_arrow if _is_text(column.type)]
        texts = opened.read(columns=names)
    for name in names:
        if name in ("_dlt_load_id", "_source_file"):
            continue
        for row in finder.rows(texts.column(name)) - verdict.erased:
            if file.part == REJECTS:
                verdict.erased.add(row)
            elif name not in verdict.blanked.get(row, ()):
                verdict.changed.setdefault(name, {})[row] = finder.without(texts.column(name)[row].as_py())


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _warehouses(settings: Settings) -> list[Path]:
    """All DuckDB files of the state folder: the working and the published one, and copies that a user made."""
    known = [settings.warehouse_path, settings.serving_path]
    others = [
        file
        for file in files_below(settings.home, (settings.privacy_path, settings.demo_path))
        if file not in known and file.stat().st_size and kind_of(file) == "duckdb"
    ]
    return [path for path in [*known, *others] if path.is_file()]


def _erase_warehouse(firm: Firm, plan: Plan, finder: Finder, path: Path) -> int:
    """Takes these people out of a DuckDB file, which is then written anew."""
    settings = firm.settings
    with open_warehouse(path) as connection:
        add_functions(connection)
        name = connection.execute("select current_database()").fetchall()[0][0]
        has_identity = table_exists(connection, "identity", "known_number")
        leaving = Leaving(
            connection, plan.people, plan.gone, plan.kept, _record_numbers(connection, plan), firm.personal_columns
        )
        connection.execute("begin")
        texts = _texts_of_people(connection)
        changed = scrub_tables(leaving, finder, name)
        if texts:
            connection.execute("delete from perception.text_sentiment where text_key in (select unnest(?))", [texts])
        if has_identity:
            # The numbers stay given: none of them is given again.
            connection.execute(
                "insert into identity.known_number (source_system, source_record_id, customer_id)"
                " select null, null, number from (select unnest(?::bigint[]) as number)"
                " where number not in (select customer_id from identity.known_number)",
                [sorted(plan.people.numbers)],
            )
        if table_exists(connection, "quality", "published_table") and changed:
            connection.execute(
                "delete from quality.published_table where table_name in (select unnest(?::varchar[]))", [list(changed)]
            )
        forget_all(connection)
        connection.execute("commit")
        if has_identity and path == settings.warehouse_path:
            keep_register(connection, settings.identity_path, as_of=register_moment(settings.identity_path))
    write_anew(path)
    return sum(changed.values())


def _record_numbers(connection: duckdb.DuckDBPyConnection, plan: Plan) -> list[int]:
    """The numbers by which identity remembers the records of these people."""
    if not table_exists(connection, "identity", "record_number"):
        return []
    records = sorted(plan.people.records)
    return [
        number
        for (number,) in connection.execute(
            "select record_number from identity.record_number where (source_system, source_record_id) in"
            " (select unnest(?::varchar[]), unnest(?::varchar[]))",
            [[system for system, _ in records], [number for _, number in records]],
        ).fetchall()
    ]


def _texts_of_people(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """The keys of the texts that only these people have written."""
    if not table_exists(connection, "perception", "text_sentiment"):
        return []
    written = "select verbatim, customer_key in (from leaving_number) as is_theirs from core.fct_interaction"
    answered = written.replace("fct_interaction", "fct_survey_answer")
    return [
        key
        for (key,) in connection.execute(f"""
            select text_key from intermediate.int_verbatim
            inner join ({written} union all {answered}) using (verbatim)
            group by text_key having bool_and(is_theirs)
        """).fetchall()
    ]


def _erase_other_files(firm: Firm, plan: Plan, finder: Finder) -> dict[str, int]:
    """Everything else: logs of scores and proposals, reports, Dagster's and dbt's folders, the extractors' state."""
    import duckdb

    settings = firm.settings
    changed: dict[str, int] = {}
    landing = Path(settings.landing_url) if "://" not in settings.landing_url else settings.home / "landing"
    _drop_unfinished_extractions(settings)
    with duckdb.connect() as connection:
        leaving = Leaving(connection, plan.people, plan.gone, plan.kept, (), firm.personal_columns)
        for file in files_below(settings.home, (*_left_out(firm), settings.privacy_path)):
            if not file.exists() or not file.stat().st_size:
                continue
            kind, count = kind_of(file), 0
            if kind == "parquet" and not (file.is_relative_to(landing) or _is_register(settings, file)):
                count = _replace_parquet(leaving, finder, file)
            elif kind == "sqlite":
                count = scrub_sqlite(file, finder)
            elif kind == "text" and file.is_relative_to(settings.live_path):
                count = mask_text(file, finder)
            elif kind == "text":
                count = scrub_text(file, finder)
            elif (
                kind == "other"
                and place_of(file, settings.home) in _MADE_ANEW
                and hits_in(file, finder, frozenset(), connection)
            ):
                file.unlink()
                count = 1
            place = place_of(file, settings.home)
            changed[place] = changed.get(place, 0) + count
    return changed


def _is_register(settings: Settings, file: Path) -> bool:
    """Whether a file is the register's present state, which was just written from the warehouse."""
    pointer = settings.identity_path / "current"
    return pointer.is_file() and file.parent == settings.identity_path / pointer.read_text(encoding="utf-8").strip()


def _replace_parquet(leaving: Leaving, finder: Finder, file: Path) -> int:
    fresh = file.with_name(f".{file.name}.new")
    count = scrub_parquet(leaving, finder, file, fresh)
    if count:
        fresh.replace(file)
    return count


def _drop_unfinished_extractions(settings: Settings) -> None:
    """A fetch that was interrupted has rows in its folder: dlt makes the folder anew from landing."""
    for folder in settings.extraction_path.glob("*"):
        waiting = [folder / part for part in ("normalize/new", "normalize/extracted", "load/new", "load/normalized")]
        if any(part.is_dir() and any(part.iterdir()) for part in waiting):
            shutil.rmtree(folder)
