"""The package's macros rendered to SQL for either engine, without dbt: in milliseconds, in any environment.

A test holds the SQL to dbt's own (tests/texts/test_text_macros.py).
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import yaml

PACKAGE = Path(__file__).resolve().parents[2] / "dbt_project"
CASES_FILE = Path(__file__).with_name("text_cases.yml")
_TYPES = {"duckdb": "TEXT", "spark": "string"}
_QUOTES = {"duckdb": '"', "spark": "`"}


def macros() -> list[dict[str, Any]]:
    """The case table: per macro what it reads, and texts with what becomes of them (None: unreadable)."""
    return yaml.safe_load(CASES_FILE.read_text(encoding="utf-8"))["macros"]


@cache
def compiled(call: str, engine: str = "duckdb", time_zone: str | None = None) -> str:
    """The SQL of a macro's call, as `clean_text('value')`. time_zone: the stream's in the catalog, if it names one."""
    stream = {"stream": "lines"} | ({"time_zone": time_zone} if time_zone else {})
    template = _environment(engine).from_string(f"{_macros()}{{{{ context360.{call} }}}}")
    return template.render(stream=stream).strip()


def cases_table(texts: list[str | None], engine: str = "duckdb") -> str:
    """A relation that both engines read: `number`, `value` and, where the text is one, `moment` with its time zone."""
    rows = ", ".join(f"({number}, {_literal(text)})" for number, text in enumerate(texts))
    moment = "try_cast(case when value like '____-%-% %:%:%+%' then value end as timestamptz) as moment"
    if engine == "spark":
        moment = moment.replace("timestamptz", "timestamp")
    given = f"select number, decode(unhex(digits), 'UTF-8') as value from (values {rows}) as given(number, digits)"
    return f"(select number, value, {moment} from ({given}) as texts) as cases"


def _literal(text: str | None) -> str:
    if text is None:
        return "cast(null as varchar(1))"
    return f"'{text.encode().hex()}'"


@lru_cache(maxsize=1)
def _macros() -> str:
    folder = PACKAGE / "macros"
    staging = [folder / "staging" / name for name in ("rows.sql", "judged_rows.sql")]
    files = [*sorted((folder / "portable").glob("*.sql")), *staging]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@lru_cache(maxsize=2)
def _environment(engine: str) -> jinja2.Environment:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    variables = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    quote = _QUOTES[engine]

    class Package:
        """The package as its firms call it: `context360.macro(…)`."""

        def __getattr__(self, name: str) -> Any:
            @jinja2.pass_context
            def call(context: jinja2.runtime.Context, *arguments: Any, **named: Any) -> Any:
                if name == "stream_of_model":
                    return context["stream"]
                if name == "known_until":  # dbt's return() ends it
                    return None
                return context.resolve(name)(*arguments, **named)

            return call

    @jinja2.pass_context
    def dispatch(context: jinja2.runtime.Context, name: str, package: str) -> Any:
        return context.resolve(f"{engine}__{name}")

    environment.globals |= {
        "context360": Package(),
        "adapter": SimpleNamespace(dispatch=dispatch, quote=lambda name: f"{quote}{name}{quote}"),
        "dbt": SimpleNamespace(type_string=lambda: _TYPES[engine]),
        "var": lambda name, default=None: variables.get(name, default),
        "exceptions": SimpleNamespace(raise_compiler_error=_refuse),
    }
    return environment


def _refuse(message: str) -> None:
    raise ValueError(message)
