"""Which nodes of a dbt project a run builds again, on projects small enough to say by hand what each of them reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from orchestration.warehouse.build_record import Made
from orchestration.warehouse.node_inputs import NodeInputs, ProjectText

NOON = datetime(2026, 1, 1, 12)


def node(
    name: str, code: str, *reads: str, materialized: str = "table", resource_type: str = "model", **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "alias": name,
        "schema": "core",
        "resource_type": resource_type,
        "package_name": "firm",
        "raw_code": code,
        "columns": {},
        "config": {"materialized": materialized},
        "depends_on": {"nodes": list(reads)},
        **more,
    }


def macro(name: str, text: str, package: str = "context360") -> dict[str, Any]:
    return {"name": name, "macro_sql": text, "package_name": package}


class Project:
    """orders -> cleaned (a view) -> totals, daily and a test; `daily` reads the as of through a macro."""

    def __init__(self) -> None:
        self.nodes = {
            "seed.firm.rates": node("rates", "", resource_type="seed", materialized="seed", checksum="a"),
            "model.firm.orders": node("orders", "from {{ source('shop', 'orders') }}", "source.firm.shop.orders"),
            "model.firm.cleaned": node("cleaned", "{{ trimmed('x') }}", "model.firm.orders", materialized="view"),
            "model.firm.totals": node("totals", "select 1", "model.firm.cleaned", "seed.firm.rates"),
            "model.firm.daily": node("daily", "{{ now_here() }}", "model.firm.cleaned"),
            "model.firm.log": node("log", "{{ run_id() }}", "model.firm.totals", materialized="incremental"),
            "test.firm.unique": node("unique", "{{ test_unique() }}", "model.firm.totals", resource_type="test"),
        }
        self.macros = {
            "macro.context360.trimmed": macro("trimmed", "{{ adapter.dispatch('spaces')() }}"),
            "macro.context360.duckdb__spaces": macro("duckdb__spaces", "trim"),
            "macro.context360.spaces": macro("spaces", "{{ adapter.dispatch('spaces')() }}"),
            "macro.context360.now_here": macro("now_here", "{{ moment() }}"),
            "macro.context360.moment": macro("moment", "{{ var('as_of') }}"),
            "macro.context360.run_id": macro("run_id", "{{ var('run_id') }}"),
            "macro.context360.limit": macro("limit", "{{ var('least') }}"),
        }
        self.variables: dict[str, Any] = {"least": 3, "streams": []}
        self.sources = {"source.firm.shop.orders": "files of Monday"}
        self.record: dict[str, Made] = {}
        self.tables = {("core", one["name"]) for one in self.nodes.values()}
        self.as_of = NOON
        self.known_until: datetime | None = None
        self.landing_url = "/landing"
        self.engine = "engine"
        self.source_columns: dict[str, Any] = {}

    def inputs(self) -> NodeInputs:
        manifest = {
            "nodes": self.nodes,
            "macros": self.macros,
            "sources": {"source.firm.shop.orders": {"columns": self.source_columns}},
        }
        text = ProjectText(manifest, self.variables, self.engine)
        return NodeInputs(
            text,
            self.record,
            as_of=self.as_of,
            known_until=self.known_until,
            landing_url=self.landing_url,
            version_of_source=self.sources.__getitem__,
        )

    def due(self) -> set[str]:
        return {name.split(".")[-1] for name in self.inputs().due(list(self.nodes), self.tables)}

    def build(self, **contents: str) -> None:
        """Makes what is due; contents: what is in a table afterwards, where it is not what was there before."""
        inputs = self.inputs()
        due = inputs.due(list(self.nodes), self.tables)
        for name in due:
            self.record.pop(name, None)
        made = {name: contents.get(name.split(".")[-1], f"rows of {name}") for name in due}
        self.record |= inputs.made(made, "run")


@pytest.fixture
def project() -> Project:
    project = Project()
    assert project.due() == {"rates", "orders", "cleaned", "totals", "daily", "log", "unique"}
    project.build()
    return project


def test_what_writes_down_its_run_is_built_by_every_run_and_nothing_else(project: Project) -> None:
    assert project.due() == {"log"}


def test_new_files_rebuild_all_that_reads_them(project: Project) -> None:
    project.sources["source.firm.shop.orders"] = "files of Tuesday"

    # The view, too: new files may bring columns.
    assert project.due() == {"orders", "cleaned", "totals", "daily", "unique", "log"}


def test_a_view_on_a_table_whose_columns_are_agreed_stays(project: Project) -> None:
    project.nodes["model.firm.orders"]["contract"] = {"enforced": True}
    project.build()
    project.sources["source.firm.shop.orders"] = "files of Tuesday"

    assert project.due() == {"orders", "totals", "daily", "unique", "log"}


def test_rows_that_stay_equal_stop_the_rebuild_in_the_next_step(project: Project) -> None:
    project.nodes["model.firm.orders"]["contract"] = {"enforced": True}
    project.build()
    project.sources["source.firm.shop.orders"] = "files of Tuesday"
    inputs = project.inputs()

    assert inputs.due(["model.firm.orders"], project.tables) == ["model.firm.orders"]
    project.record |= inputs.made({"model.firm.orders": "rows of model.firm.orders"}, "run 2")

    assert project.due() == {"log"}


def test_another_moment_rebuilds_what_reads_it_through_macros(project: Project) -> None:
    project.as_of = datetime(2026, 1, 2)

    assert project.due() == {"daily", "log"}


def test_a_home_that_is_moved_rebuilds_the_views_on_landing_and_no_table(project: Project) -> None:
    reads = "from {{ source('shop', 'orders') }} {{ var('landing_url') }}"
    project.nodes["model.firm.orders"]["raw_code"] = reads
    project.nodes["model.firm.delivered"] = node("delivered", reads, "source.firm.shop.orders", materialized="view")
    project.nodes["model.firm.counted"] = node("counted", "", "model.firm.delivered")
    project.tables |= {("core", "delivered"), ("core", "counted")}
    project.build()

    project.landing_url = "/elsewhere/landing"

    assert project.due() == {"delivered", "log"}


def test_a_run_of_the_past_rebuilds_what_cuts_later_rows(project: Project) -> None:
    project.macros["macro.context360.moment"]["macro_sql"] = "{{ var('known_until', none) }}"
    project.build()
    project.known_until = datetime(2025, 12, 1)

    assert project.due() == {"daily", "log"}


@pytest.mark.parametrize("part", ["engine", "version of dbt"])
def test_another_engine_or_version_rebuilds_everything(
    project: Project, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if part == "engine":
        project.engine = "engine with another function"
    else:
        monkeypatch.setattr("orchestration.warehouse.node_inputs.version", lambda _: "99")

    assert len(project.due()) == len(project.nodes)


def test_another_declared_column_of_a_source_rebuilds_what_reads_the_source(project: Project) -> None:
    project.source_columns = {"amount": {"data_type": "bigint"}}

    assert {"orders", "cleaned"} <= project.due()


def test_another_column_of_a_table_rebuilds_the_view_on_it(project: Project) -> None:
    project.nodes["model.firm.orders"]["contract"] = {"enforced": True}
    project.build()
    project.nodes["model.firm.orders"]["columns"] = {"amount": {"data_type": "bigint"}}

    assert {"orders", "cleaned"} <= project.due()


def test_a_source_does_not_make_its_reader_one_of_the_whole_graph(project: Project) -> None:
    project.macros["macro.context360.source"] = macro("source", "{{ nothing_of() }}")
    project.macros["macro.context360.nothing_of"] = macro("nothing_of", "{{ graph.sources }}")
    project.build()
    project.nodes["model.firm.totals"]["raw_code"] = "select 2"

    assert project.due() == {"totals", "unique", "log"}


def test_a_macro_that_looks_at_the_graph_sees_every_changed_node(project: Project) -> None:
    project.macros["macro.context360.trimmed"]["macro_sql"] = "{{ graph.nodes }}"
    project.build()
    project.nodes["model.firm.daily"]["raw_code"] = "{{ now_here() }} 2"

    assert {"cleaned", "daily"} <= project.due()


def test_a_macro_behind_a_dispatch_rebuilds_the_view_that_calls_it_and_its_readers(project: Project) -> None:
    project.macros["macro.context360.duckdb__spaces"]["macro_sql"] = "ltrim"

    assert project.due() == {"cleaned", "totals", "daily", "unique", "log"}


def test_a_variable_rebuilds_only_what_reads_it(project: Project) -> None:
    project.variables["least"] = 4
    assert project.due() == {"log"}

    project.nodes["model.firm.daily"]["raw_code"] = "{{ now_here() }} {{ limit() }}"
    project.build()
    project.variables["least"] = 5
    assert project.due() == {"daily", "log"}


def test_an_environment_variable_rebuilds_what_reads_it_through_macros(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.macros["macro.context360.moment"]["macro_sql"] = "{{ env_var('REGION', 'EU') }}"
    project.build()
    monkeypatch.setenv("REGION", "US")

    assert project.due() == {"daily", "log"}


def test_what_reads_when_the_run_began_is_built_by_every_run(project: Project) -> None:
    project.nodes["model.firm.totals"]["raw_code"] = "select '{{ run_started_at }}'"
    project.build()

    assert project.due() == {"totals", "unique", "log"}


def test_a_changed_seed_rebuilds_its_readers_and_their_tests(project: Project) -> None:
    project.nodes["seed.firm.rates"]["checksum"] = "b"

    assert project.due() == {"rates", "totals", "unique", "log"}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("config", {"materialized": "table", "meta": {"a": 1}}),
        ("columns", {"amount": {"data_type": "bigint"}}),
        ("alias", "sums"),
    ],
    ids=["config", "columns", "alias"],
)
def test_settings_columns_and_names_of_a_table_rebuild_it(project: Project, part: str, value: Any) -> None:
    project.nodes["model.firm.totals"][part] = value
    project.tables.add(("core", "sums"))

    assert {"totals", "unique"} <= project.due()


def test_a_table_that_was_dropped_is_built_again_with_its_tests(project: Project) -> None:
    project.tables.discard(("core", "totals"))

    assert project.due() == {"totals", "unique", "log"}


def test_a_failed_test_is_judged_again(project: Project) -> None:
    del project.record["test.firm.unique"]

    assert project.due() == {"unique", "log"}


def test_a_build_that_was_interrupted_counts_as_not_made(project: Project) -> None:
    project.as_of = datetime(2026, 1, 2)
    del project.record["model.firm.daily"]  # as a build does before it begins
    project.as_of = NOON

    assert project.due() == {"daily", "log"}


def test_what_failed_is_not_on_record_nor_is_what_reads_it(project: Project) -> None:
    project.sources["source.firm.shop.orders"] = "files of Tuesday"
    inputs = project.inputs()
    inputs.due(list(project.nodes), project.tables)

    made = inputs.made({"model.firm.orders": "other rows", "test.firm.unique": ""}, "run 2")

    assert made.keys() == {"model.firm.orders"}


def test_a_macro_that_looks_at_the_graph_may_read_every_ancestor(project: Project) -> None:
    project.macros["macro.context360.lineage"] = macro("lineage", "{{ graph.nodes }}")
    project.nodes["model.firm.ledger"] = node("ledger", "{{ lineage() }}", "model.firm.totals")
    project.tables.add(("core", "ledger"))
    project.build()
    project.sources["source.firm.shop.orders"] = "files of Tuesday"
    inputs = project.inputs()
    inputs.due(["model.firm.orders"], project.tables)
    project.record |= inputs.made({"model.firm.orders": "other rows"}, "run 2")
    inputs = project.inputs()

    assert inputs.due(["model.firm.ledger"], project.tables) == ["model.firm.ledger"]
