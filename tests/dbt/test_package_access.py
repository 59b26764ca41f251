"""A firm's root project reads the published layers of the package, and not the layers behind them."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult

from orchestration.settings import DBT_PACKAGE


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root project that depends on the package by a link, as `dbt deps` makes it for a local package."""
    folder = tmp_path_factory.mktemp("firm")
    (folder / "models" / "marts").mkdir(parents=True)
    (folder / "dbt_packages").mkdir()
    (folder / "dbt_packages" / "context360").symlink_to(DBT_PACKAGE)
    (folder / "packages.yml").write_text(f"packages: [{{local: '{DBT_PACKAGE}'}}]\n")
    (folder / "dbt_project.yml").write_text("{name: firm, profile: firm, models: {firm: {+materialized: table}}}\n")
    (folder / "profiles.yml").write_text("firm: {target: here, outputs: {here: {type: duckdb, path: ':memory:'}}}\n")
    return folder


def _parse(firm: Path, **models: str) -> dbtRunnerResult:
    for name, model in models.items():
        (firm / "models" / "marts" / f"{name}.sql").write_text(model)
    options = ["--project-dir", str(firm), "--profiles-dir", str(firm), "--target-path", str(firm / "target")]
    return dbtRunner().invoke(["parse", *options, "--log-level", "none", "--log-level-file", "none"])


def test_mart_of_a_firm_reads_published_layers(firm: Path) -> None:
    read = ("dim_customer", "customer_360", "row_ledger", "scoring_customer_feature")
    outcome = _parse(firm, **{f"own_{model}": f"select * from {{{{ ref('{model}') }}}}" for model in read})
    assert outcome.success, outcome.exception
    for model in read:
        assert outcome.result.nodes[f"model.firm.own_{model}"].depends_on.nodes == [f"model.context360.{model}"]


def test_mart_of_a_firm_cannot_read_an_intermediate_model(firm: Path) -> None:
    outcome = _parse(firm, own_mart="select * from {{ ref('int_interaction') }}")
    assert not outcome.success
    assert "int_interaction" in str(outcome.exception)
    assert "not allowed because the referenced node is private" in str(outcome.exception)


def test_every_model_of_the_package_has_an_owner_and_only_intermediate_is_private(firm: Path) -> None:
    nodes = _parse(firm, own_mart="select 1 as one").result.nodes.values()
    models = [node for node in nodes if node.resource_type == "model" and node.package_name == "context360"]
    layers = {(node.fqn[1], str(node.access.value), bool(node.group)) for node in models if node.fqn[1] != "staging"}
    assert layers == {
        ("core", "public", True),
        ("intermediate", "private", True),
        ("marts", "public", True),
        ("predictions", "protected", True),
        ("quality", "public", True),
        ("settings", "public", True),
    }
