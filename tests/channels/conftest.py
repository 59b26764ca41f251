"""A workbench for channels: a catalog, a landing and a working folder in a folder of their own."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.channels.catalog import Catalog
from orchestration.channels.catalog_file import load_catalog
from orchestration.channels.landing.land import Landing, land_stream


class Bench:
    """One installation in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        self.landing_url = str(folder / "landing")
        self.working_dir = folder / "working"
        self.environment: dict[str, str] = {}

    def catalog(self, systems: str) -> Catalog:
        path = self.folder / "test.yaml"
        path.write_text("catalog: test\nsystems:\n" + textwrap.indent(textwrap.dedent(systems), "  "))
        return load_catalog(path, self.environment)

    def files(self, streams: str) -> Catalog:
        body = textwrap.indent(textwrap.dedent(streams), "    ")
        return self.catalog("shop:\n  connector: files\n  location: data\n  streams:\n" + body)

    def land(
        self,
        catalog: Catalog,
        name: str | None = None,
        declared: Mapping[str, str] | None = None,
        days: tuple[str, str] | None = None,
    ) -> Landing:
        for system, stream in catalog.streams():
            if name in (None, stream.name):
                return land_stream(
                    system,
                    stream,
                    landing_url=self.landing_url,
                    working_dir=self.working_dir,
                    declared_columns=declared,
                    days=(date.fromisoformat(days[0]), date.fromisoformat(days[1])) if days else None,
                )
        raise KeyError(name)

    def rows(self, columns: str, where: str = "shop/contacts/incoming", order: str = "ALL") -> list[tuple[Any, ...]]:
        files = list(Path(self.landing_url, where).glob("*.parquet"))
        if not files:
            return []
        with duckdb.connect() as connection:
            scan = f"read_parquet('{self.landing_url}/{where}/*.parquet', union_by_name = true)"
            return connection.execute(f"SELECT {columns} FROM {scan} ORDER BY {order}").fetchall()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
