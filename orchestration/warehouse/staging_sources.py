"""What the staging folders of a firm read: streams, columns, types and which of them are personal data."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration.channels.catalog import Catalog
from orchestration.firm.folder import FirmError, FirmFolder


def declared_columns(firm: FirmFolder, system: str, where: str = "The catalog") -> dict[str, dict[str, str]]:
    """Per stream, the columns that the staging folder reads, with their landed types, from its sources file.

    system: name of the staging folder. where: the place that names it, for the message. Raises FirmError where the
    folder or its sources file is missing.
    """
    return {
        table["name"]: {column["name"]: column["data_type"] for column in table.get("columns", [])}
        for table in _source_tables(firm, system, where)
    }


def personal_source_columns(firm: FirmFolder, system: str) -> dict[str, frozenset[str]]:
    """Per stream, the landed columns that hold personal data: tagged `config: {meta: {personal_data: true}}`.

    Raises FirmError where a column has `meta` outside of `config`: dbt has deprecated that form.
    """
    return {
        table["name"]: frozenset(
            column["name"]
            for column in table.get("columns", [])
            if _meta_of(system, table, column).get("personal_data")
        )
        for table in _source_tables(firm, system)
    }


def check_staging_folders(firm: FirmFolder, catalog: Catalog, file: str) -> None:
    """Raises FirmError where the catalog names a staging folder, or a stream of one, that does not exist."""
    for system, stream in catalog.streams():
        known = declared_columns(firm, system.staging_folder, f"{file}: system {system.name}")
        if stream.name not in known:
            folder, names = system.staging_folder, ", ".join(sorted(known))
            raise FirmError(
                f"{file}: system {system.name}, stream {stream.name}: the staging folder {folder} does not read it "
                f"(it reads {names}): correct the name, or add the stream to _{folder}__sources.yml with a model."
            )


def _meta_of(system: str, table: dict[str, Any], column: dict[str, Any]) -> dict[str, Any]:
    if "meta" in column:
        raise FirmError(
            f"_{system}__sources.yml, table {table['name']}, column {column['name']}: `meta` stands beside `config`; "
            "write `config: {meta: {…}}`."
        )
    return (column.get("config") or {}).get("meta") or {}


def _source_tables(firm: FirmFolder, system: str, where: str = "The catalog") -> list[dict[str, Any]]:
    file = firm.staging / system / f"_{system}__sources.yml"
    if not file.is_file():
        known = sorted(path.name for path in firm.staging.glob("*") if path.is_dir())
        there = f"there are {', '.join(known)}" if known else "there is none yet"
        raise FirmError(
            f"{where}: there is no staging folder '{system}' ({there}): correct the name, or add "
            f"{file.relative_to(firm.path)} and its models to {firm.path.name}."
        )
    return _tables_in(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=200)
def _tables_in(file: Path, _: int) -> list[dict[str, Any]]:
    import yaml

    return [table for source in yaml.safe_load(file.read_text())["sources"] for table in source["tables"]]
