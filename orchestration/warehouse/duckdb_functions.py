"""Functions that the models call and DuckDB does not have: a plug-in of dbt-duckdb, named in profiles.yml."""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from orchestration.warehouse.contact_details import e164_column


class Plugin(BasePlugin):
    """Gives every connection of dbt the function `e164(phone, country)`. Only tables may use it: a view would ask every
    reader for it."""

    def configure_connection(self, conn: Any) -> None:
        """Called by dbt-duckdb when it opens the warehouse."""

        # DuckDB evaluates the annotations of what it is given, where it has no names to look them up.
        def function(phones, countries):  # type: ignore[no-untyped-def]
            return e164_column(phones, countries)

        conn.create_function("e164", function, ["VARCHAR", "VARCHAR"], "VARCHAR", type="arrow", null_handling="special")
