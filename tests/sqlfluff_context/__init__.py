"""What dbt adds to a template beside the project's own macros, for sqlfluff's Jinja templater (see .sqlfluff).

sqlfluff loads the package's macros; the names below stand in for dbt's. Values are examples: a model must render to SQL
that parses, not to the SQL of a run. tests/check_sql.py lints the compiled SQL as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from jinja2 import pass_context
from jinja2.runtime import Context

_PROJECT_FILE = Path(__file__).resolve().parents[2] / "dbt_project" / "dbt_project.yml"
_VARIABLES: dict[str, Any] = {
    # The loader in C: sqlfluff reads this file again for each template.
    **yaml.load(_PROJECT_FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["vars"],
    "as_of": "2026-01-01 00:00:00",
    "run_id": "run",
    "landing_url": "landing",
}

execute = False
project_name = "context360"
invocation_id = "run"
model = {
    "fqn": ["context360", "staging", "system", "stg_system__stream"],
    "name": "stg_system__stream",
    "columns": {},
    "resource_type": "model",
}


def var(name: str, default: Any = None) -> Any:
    """The variable's value in dbt_project.yml."""
    return _VARIABLES.get(name, default)


class _Adapter:
    @pass_context
    def dispatch(self, context: Context, name: str, package: str | None = None) -> Any:
        """DuckDB's version of a macro, or the default one."""
        return context.get(f"duckdb__{name}") or context.get(f"default__{name}")


class _Package:
    """The package as its firms call it: `context360.macro(…)`."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)  # Jinja's sandbox refuses such attributes; it reads the item instead
        return self[name]

    def __getitem__(self, name: str) -> Callable[..., Any]:
        @pass_context
        def macro(context: Context, *arguments: Any, **named: Any) -> Any:
            environment: Any = context.environment  # its call() catches the macro's return()
            return environment.call(context, context.resolve(name), *arguments, **named)

        return macro


class _CrossDatabaseMacros:
    """dbt's own macros that the models use."""

    def type_string(self) -> str:
        return "varchar"

    def date_trunc(self, part: str, moment: str) -> str:
        return f"date_trunc('{part}', {moment})"

    def dateadd(self, part: str, interval: Any, moment: str) -> str:
        return f"({moment} + interval ({interval}) {part})"

    def datediff(self, first: str, second: str, part: str) -> str:
        return f"datediff('{part}', {first}, {second})"

    def date_spine(self, part: str, start_date: str, end_date: str) -> str:
        return f"select {start_date} as date_{part}, {end_date} as end_date"


class _Stub:
    """Stands in for the graph, the target, a relation or an error that is not raised: no members, any attribute."""

    unsafe_callable = False
    alters_data = False

    def __getattr__(self, name: str) -> _Stub:
        return self

    def __call__(self, *arguments: Any, **named: Any) -> _Stub:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __str__(self) -> str:
        return "relation"


adapter = _Adapter()
context360 = _Package()
dbt = _CrossDatabaseMacros()
builtins = exceptions = graph = target = _Stub()
