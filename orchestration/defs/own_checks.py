"""A firm's own checks (checks.yml in its folder), judged in the step that builds their table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from expectations.checks import ChecksError, suites_from_yaml
from expectations.rules import Suite
from orchestration.channels.catalog_file import load_catalog
from orchestration.defs.project import Installation, RunResource
from orchestration.firm.folder import firm_folder
from orchestration.settings import Settings

SuitesOf = Callable[[Any, RunResource], Mapping[str, Sequence[Suite]]]


def judge_own_checks(settings: Settings) -> None:
    """Raises ChecksError where the firm's checks.yml is wrong: before dbt parses the project, which takes longer.

    Raises CatalogError or FirmError where there is no folder to read it from.
    """
    catalog = load_catalog(settings.catalog_path, settings.environment)
    file = firm_folder(settings.catalog_path, catalog.project).checks
    if file.is_file():
        suites_from_yaml(file)


def own_suites(installation: Installation) -> dict[str, list[Suite]]:
    """The firm's suites per table (schema.table); empty where it has no checks.yml.

    Raises ChecksError where the file is wrong, or names a table that no model of the project builds.
    """
    file = installation.dbt.firm.checks
    if not file.is_file():
        return {}
    nodes = [node for node in installation.dbt.manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    personal = {
        f"{node['schema']}.{node['name']}": frozenset(
            name
            for name, column in node["columns"].items()
            if ((column.get("config") or {}).get("meta") or {}).get("personal_data")
        )
        for node in nodes
    }
    suites = suites_from_yaml(file, personal_columns=personal)
    unknown = sorted(suites.keys() - personal.keys())
    if unknown:
        raise ChecksError(
            f"{file.name}: no model builds {', '.join(unknown)}: write the schema and the name of a model, as in "
            "marts.customer_360."
        )
    return suites


def with_own(suites: SuitesOf | None, own: Mapping[str, Sequence[Suite]]) -> SuitesOf:
    """The suites of a step and the firm's beside them."""

    def both(connection: Any, run: RunResource) -> Mapping[str, Sequence[Suite]]:
        found = dict(suites(connection, run)) if suites else {}
        return found | {table: [*found.get(table, ()), *more] for table, more in own.items()}

    return both
