"""Functions that models call and DuckDB lacks: a plug-in of dbt-duckdb, named in profiles.yml."""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from orchestration.warehouse.contact_details import e164_column


class Plugin(BasePlugin):
    """Adds the function `e164(phone, country)` to every connection of dbt. Only tables may use it: readers of a view
    would need it, too."""

    def configure_connection(self, conn: Any) -> None:
        """Called by dbt-duckdb when it opens the warehouse."""

        # Without annotations: DuckDB would evaluate them where their names are unknown.
        def function(phones, countries):  # type: ignore[no-untyped-def]
            return e164_column(phones, countries)

        conn.create_function("e164", function, ["VARCHAR", "VARCHAR"], "VARCHAR", type="arrow", null_handling="special")
