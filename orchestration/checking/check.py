"""The check of one or all systems of a firm."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from orchestration.channels.catalog import Catalog
from orchestration.channels.errors import CatalogError, ChannelError
from orchestration.checking.delivered import Delivered, land_newest
from orchestration.checking.findings import Finding, ranked
from orchestration.checking.judged import (
    broken_row_rules,
    build_staging,
    faults_of_models,
    quarantined,
    unknown_people,
)
from orchestration.checking.texts import StagingTexts, open_points, unread_columns
from orchestration.firm.folder import FirmError, firm_folder
from orchestration.onboarding.found import FoundStream
from orchestration.onboarding.profile import profile_of
from orchestration.onboarding.roles import PERSONAL, roles_of
from orchestration.project import PROJECT_ERRORS
from orchestration.settings import Settings
from orchestration.warehouse.staging_sources import declared_columns, personal_source_columns

CHECK_FOLDER = "check"


class CheckError(Exception):
    """What is asked for cannot be checked; the message says why."""


def findings_of(settings: Settings, name: str | None) -> tuple[list[Finding], dict[str, Delivered]]:
    """Everything that is wrong with a system, or with all: findings by rank, and what was looked at by stream.

    Writes below `check` in the home, and nowhere else. Raises CheckError where there is no such system.
    """
    from orchestration.channels.catalog_file import load_catalog

    try:
        catalog = load_catalog(settings.catalog_path, settings.environment)
        firm = firm_folder(settings.catalog_path, catalog.project)
    except CatalogError as error:
        place = settings.catalog_path.name
        return [Finding("error", place, sentence, share=1.0) for sentence in str(error).splitlines()], {}
    except FirmError as error:
        return [Finding("error", settings.catalog_path.name, str(error), share=1.0)], {}
    if name is not None and name not in catalog.systems:
        raise CheckError(f"The catalog has no system {name}: it has {', '.join(catalog.systems)}.")
    systems = [system for system in catalog.systems.values() if name in (None, system.name)]
    apart = replace(
        settings,
        home=settings.home / CHECK_FOLDER,
        landing_url=str(settings.home / CHECK_FOLDER / "landing"),
    )
    found: list[Finding] = []
    looked_at: dict[str, Delivered] = {}
    for system in catalog.systems.values():
        texts = StagingTexts(firm.path, firm.staging / system.staging_folder)
        try:
            declared = declared_columns(firm, system.staging_folder)
        except FirmError as error:
            found.append(Finding("error", settings.catalog_path.name, str(error), share=1.0))
            continue
        if system in systems:
            found += open_points(texts, settings.catalog_path, system.name)
        for stream in system.streams.values():
            try:
                delivered = land_newest(
                    system, stream, declared.get(stream.name, {}), apart.landing_url, settings.event_log_path
                )
            except ChannelError as error:
                found.append(Finding("error", settings.catalog_path.name, str(error), share=1.0))
                continue
            if system in systems:
                looked_at[stream.label] = delivered
                found += _columns(texts, stream.name, declared.get(stream.name, {}), delivered)
                found += unread_columns(texts, stream.name, list(declared.get(stream.name, {})))
    if not any(finding.rank == "error" and finding.place == settings.catalog_path.name for finding in found):
        found += _on_models(apart, catalog, firm, systems)
    return ranked(found), looked_at


def _columns(texts: StagingTexts, stream: str, declared: Collection[str], delivered: Delivered) -> Iterator[Finding]:
    sources = texts.folder / f"_{texts.folder.name}__sources.yml"
    if delivered.rejects:
        yield Finding(
            "doubt",
            texts.place(sources, rf"name: {stream}\b"),
            f"{stream}: {delivered.rejects:,} rows cannot be read ({delivered.reason})",
            "correct delimiter, encoding or header in the catalog, or the files",
            delivered.rejects / max(delivered.rows + delivered.rejects, 1),
        )
    for column in declared:
        if column not in delivered.columns and not column.startswith("_"):
            place = texts.place(sources, rf"name: {column}\b")
            remedy = "map a renamed column with `columns` in the catalog, or take it out"
            yield Finding("error", place, f"{stream}: no column {column} is delivered", remedy, 1.0)
    for column in delivered.columns:
        if column not in declared:
            place = texts.place(sources, rf"name: {stream}\b")
            yield Finding("note", place, f"{stream}: the column {column} is delivered and not declared", "declare it")


def _on_models(apart: Settings, catalog: Catalog, firm: Any, systems: Collection[Any]) -> Iterator[Finding]:
    """What the models say. Everything that they need is below the check's own home."""
    from orchestration.warehouse.connection import open_warehouse
    from orchestration.warehouse.dbt import DbtProject

    as_of = catalog.as_of or datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    if not isinstance(as_of, datetime):
        as_of = datetime.combine(as_of, time.min)
    try:
        project = DbtProject(catalog, apart)
        results = build_staging(project, [system.staging_folder for system in catalog.systems.values()], as_of)
    except PROJECT_ERRORS as error:
        yield Finding("error", Path(firm.path).name, str(error), share=1.0)
        return
    yield from faults_of_models(results, project)
    built = {result.unique_id for result in results if result.status in ("success", "pass")}
    with open_warehouse(apart.warehouse_path) as connection:
        for system in systems:
            texts = StagingTexts(firm.path, firm.staging / system.staging_folder)
            personal = personal_source_columns(firm, system.staging_folder)
            for stream in system.streams.values():
                folder = f"{apart.landing_url}/{system.name}/{stream.name}/rows"
                landed = f"read_parquet('{folder}/*.parquet', union_by_name = true)"
                yield from _unmarked(connection, texts, stream.name, landed, personal.get(stream.name, frozenset()))
                base = f"base_{system.staging_folder}__{stream.name}"
                if f"model.{firm.dbt_name}.{base}" in built:
                    yield from quarantined(connection, texts, stream.name, f'staging."{base}"', landed)
            contributions = {
                stream: f'staging."{model}"'
                for stream, model in firm.contributions(system.staging_folder)
                if f"model.{firm.dbt_name}.{model}" in built
            }
            if "model.context360.int_quarantined_row" in built:
                yield from broken_row_rules(connection, texts, system.name)
            if {"model.context360.int_source_record", "model.context360.int_delivered_identifier"} <= built:
                yield from unknown_people(connection, texts, contributions)


def _unmarked(
    connection: Any, texts: StagingTexts, stream: str, landed: str, personal: Collection[str]
) -> Iterator[Finding]:
    """Columns that look personal and are not marked."""
    connection.execute(f"create or replace temp table looked_at as select * from {landed} limit 20000")
    rows = connection.execute("select count(*) from looked_at").fetchone()[0]
    if not rows:
        return
    profile = profile_of(connection, FoundStream(stream, {}), "looked_at", rows, 0, True)
    for column, role in roles_of(profile).items():
        if role.name in PERSONAL and column not in personal:
            place = texts.place(texts.folder / f"_{texts.folder.name}__sources.yml", rf"name: {column}\b")
            yield Finding(
                "doubt",
                place,
                f"{stream}: {column} looks personal ({role.name}) and is not marked",
                "add `config: {meta: {personal_data: true}}`",
                0.5,
            )
