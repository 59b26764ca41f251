"""The factory of assets that Python makes: a key, what it reads, a description and a plain function.

Everything else follows: group and key from the table's name, the row count from the warehouse, the shape of metadata
from the type of a figure, the sentence of a known error, and the run that holds the warehouse.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.defs.project import Installation, RunResource, in_one_sentence
from orchestration.defs.step_failures import step_failures
from orchestration.defs.unchanged import ReportRecord, begin, python_inputs, unchanged_table
from orchestration.warehouse.build_record import digest
from orchestration.warehouse.changed_build import code_version
from orchestration.warehouse.connection import table_exists

INSIGHT, ENGINEERING = "team:customer-insight", "team:data-engineering"


@dataclass(frozen=True)
class Work:
    """What a function works with. connection: to the warehouse. log: writes a line to the log of the step."""

    installation: Installation
    connection: Any
    run: RunResource
    run_id: str
    log: Callable[[str], None]


# Either figures per table (`schema.table`), or figures that all tables of the step share.
Figures = Mapping[str, Any]


def nothing_else(installation: Installation, run: RunResource) -> Any:  # noqa: ARG001
    """What decides about a step beside its tables: nothing."""
    return ""


def the_moment(installation: Installation, run: RunResource) -> Any:  # noqa: ARG001
    """What decides about a step beside its tables: the as of."""
    return run.moment


def key_of(table: str) -> dg.AssetKey:
    """The asset of a table, written `schema.table`."""
    return dg.AssetKey(table.split("."))


def spec_of(
    table: str,
    description: str,
    deps: Sequence[str],
    *,
    group: str | None = None,
    owner: str = INSIGHT,
    kinds: Sequence[str] = ("duckdb", "python"),
) -> dg.AssetSpec:
    """The spec of a table that Python makes. deps: tables (`schema.table`) that it reads; group: default the schema."""
    return dg.AssetSpec(
        key_of(table),
        deps=[key_of(read) for read in deps],
        description=description,
        group_name=group or table.split(".")[0],
        owners=[owner],
        kinds=set(kinds),
    )


def python_assets(
    installation: Installation,
    tables: Mapping[str, str],
    make: Callable[[Work], Figures],
    *,
    reads: Sequence[str],
    name: str | None = None,
    errors: Sequence[type[Exception]] = (),
    group: str | None = None,
    owner: str = INSIGHT,
    kinds: Sequence[str] = ("duckdb", "python"),
    made_from: Callable[[Installation, RunResource], Any] | None = None,
) -> dg.AssetsDefinition:
    """The assets that one function makes, in one step.

    tables: `schema.table` to its description. make: writes the tables and returns their figures for Dagster.
    reads: tables that are made first. name: of the step, for several tables. errors: what stops the step with its
    sentence instead of a traceback. made_from: what decides about the tables beside those that are read, as data, or
    None where they must be made; a step for which it is as the last time is left out. Default: every run makes them.
    """

    @dg.multi_asset(
        name=name or "__".join(key_of(next(iter(tables))).path),
        specs=[
            spec_of(table, description, reads, group=group, owner=owner, kinds=kinds)
            for table, description in tables.items()
        ],
    )
    def step(context: dg.AssetExecutionContext, run: RunResource) -> Iterator[Any]:
        with step_failures(installation, context), installation.warehouse() as connection:
            inputs = python_inputs(installation, connection, run, context.op_def.name, reads, made_from)
            if inputs.made is not None and inputs.is_unchanged(connection):
                for table in tables:
                    yield from unchanged_table(key_of(table), inputs.made.run_id)
                return
            begin(connection, inputs)
            with in_one_sentence(*errors):
                figures = make(Work(installation, connection, run, context.run_id, context.log.info))
            inputs.keep(connection, context.run_id, list(tables))
            yield from results_of(connection, list(tables), figures)

    return step


def report_asset(
    installation: Installation,
    table: str,
    description: str,
    make: Callable[[Installation], Figures],
    *,
    reads: Sequence[str],
    errors: Sequence[type[Exception]] = (),
    owner: str = INSIGHT,
    made_from: Callable[[Installation], Any] | None = None,
) -> dg.AssetsDefinition:
    """An asset that is a file about the published warehouse; make writes it and returns its figures, `path` among them.

    made_from: what decides about the file, as data; it is left as it is where that has not changed. Default: it is
    written each time. It does not take the run resource: made alone, it neither holds the warehouse nor rebuilds Data
    Docs.
    """

    @dg.multi_asset(
        name="__".join(key_of(table).path), specs=[spec_of(table, description, reads, owner=owner, kinds=())]
    )
    def step(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with in_one_sentence(*errors):
            record = ReportRecord(installation.settings.reports_path, table)
            inputs = digest([code_version(), made_from(installation)]) if made_from else None
            if made_by := record.made_from(inputs):
                yield from unchanged_table(key_of(table), made_by)
                return
            figures = make(installation)
            record.keep(inputs, context.run_id, figures.get("path"))
            yield dg.MaterializeResult(asset_key=key_of(table), metadata=metadata_of(figures))

    return step


def results_of(connection: Any, tables: Sequence[str], figures: Figures) -> Iterator[dg.MaterializeResult]:
    """One result per table: its figures, and its row count where it stands in the warehouse."""
    for table in tables:
        own = figures.get(table, {}) if figures.keys() <= set(tables) else figures
        schema, name = table.split(".")
        rows = {}
        if table_exists(connection, schema, name):
            rows["dagster/row_count"] = connection.execute(f'select count(*) from {schema}."{name}"').fetchone()[0]
        yield dg.MaterializeResult(asset_key=key_of(table), metadata={**rows, **metadata_of(own)})


def metadata_of(figures: Figures) -> dict[str, Any]:
    """Figures as Dagster shows them: a path opens a file, a list is a list in Markdown."""
    return {name: _metadata_value(figure) for name, figure in figures.items()}


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> dg.MarkdownMetadataValue:
    """A table as Dagster shows it; a cell may hold any text."""
    lines = [headings, ["---"] * len(headings), *rows]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines))


def failures_metadata(headings: Sequence[str], failures: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What a failed check shows: the first failure in the open, and a table of all where there are several."""
    if not failures:
        return {}
    first: dict[str, Any] = {heading: value for heading, value in zip(headings, failures[0], strict=True) if value}
    return first if len(failures) == 1 else {**first, "all_failures": markdown_table(headings, failures)}


def _cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").replace("<", "&lt;").split())


def _metadata_value(figure: Any) -> Any:
    if isinstance(figure, Path):
        return dg.MetadataValue.path(str(figure))
    # Dagster's own values are tuples, too.
    if isinstance(figure, (list, tuple)) and not isinstance(figure, dg.MetadataValue):
        return dg.MetadataValue.md("\n".join(f"- {line}" for line in figure) or "None.")
    return figure
