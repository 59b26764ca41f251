"""The functions of models, and the bounds of the engine, as a plug-in of dbt-duckdb, named in profiles.yml."""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from orchestration.warehouse.connection import bound_engine
from orchestration.warehouse.engine_functions import add_functions, is_held


class Plugin(BasePlugin):
    """Adds both to every connection of dbt. Only tables may use them: readers of a view need them, too."""

    def configure_connection(self, conn: Any) -> None:
        """Called by dbt-duckdb when it opens the warehouse."""
        # A function whose connection is closed must not be called: only one that a run holds stays.
        assert self.creds is not None
        if not is_held(str(self.creds.path)):
            bound_engine(conn)
            add_functions(conn)
