"""The cut of the dbt project into steps: what runs as one, which rules judge it, and where a failure must stop.

Holds no Dagster asset; warehouse.py makes one of each step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from expectations.core import core_suites
from expectations.identity import identity_suites
from expectations.marts import marts_suites
from expectations.predictions import prediction_suites
from expectations.rules import Suite
from expectations.staging import staging_suites
from orchestration.defs.own_checks import SuitesOf
from orchestration.defs.predictions import needs_training_in, trained_models
from orchestration.defs.project import Installation, PythonStep, RunResource
from orchestration.defs.quality import newest_landed_at
from orchestration.identity.rules import read_rules
from orchestration.warehouse.connection import table_exists

# Which tables have suites does not depend on the moment.
_ANY_MOMENT = datetime(2000, 1, 1)

# Intermediate models that read what identity has written, and what perception has written.
_CUSTOMER_OF_ACTIVITY = "fqn:context360.intermediate.customer_of_activity"
_TEXT_SENTIMENT = "fqn:context360.intermediate.text_sentiment"

# What models learn from, the part of it that is only made for training, and what has come of earlier predictions.
_PREDICTIONS = "fqn:context360.predictions"
_TRAINING = "fqn:context360.predictions.training"
_OUTCOMES = "fqn:context360.predictions.outcomes"


@dataclass(frozen=True)
class Step:
    """A part of the dbt project that runs as one. select, exclude: as dbt writes them."""

    name: str
    select: str
    exclude: str = ""
    suites: SuitesOf | None = None
    judged: tuple[str, ...] = ()  # tables (schema.name) that have suites
    system: Any = None  # for staging: the source system
    due: Callable[[RunResource], bool] | None = None  # whether the tables are wanted in this run
    further: PythonStep | None = None  # what Python makes of the tables within the step


def steps(installation: Installation) -> list[Step]:
    """The cut of the dbt project: the firm's staging and marts, and the layers of the package."""
    firm = installation.dbt.firm.dbt_name
    has_marts = any(node["fqn"][:2] == [firm, "marts"] for node in installation.dbt.manifest["nodes"].values())
    own_marts = [f"fqn:{firm}.marts"] if has_marts else []
    staging = [
        Step(
            f"staging_{system.name}",
            f"fqn:{firm}.staging.{system.staging_folder}",
            suites=_staging_suites_of(installation, system),
            judged=tuple(f"staging.stg_{system.staging_folder}__{stream}" for stream in system.streams),
            system=system,
        )
        for system in installation.catalog.systems.values()
    ]
    core_tables = tuple(core_suites(compare_sizes=True))
    marts_tables = (*marts_suites(_ANY_MOMENT), *prediction_suites())
    return [
        Step("seeds", "resource_type:seed fqn:context360.settings"),
        *staging,
        Step("intermediate", "fqn:context360.intermediate", exclude=f"{_CUSTOMER_OF_ACTIVITY} {_TEXT_SENTIMENT}"),
        # A step of its own: influence is ranked between it and core, and inside one step that would cut core to pieces.
        Step(
            "customer_of_activity",
            f"{_CUSTOMER_OF_ACTIVITY} fqn:context360.quality.identity",
            suites=lambda _, run: identity_suites(
                compare_sizes=run.compares_sizes, linked_kinds=_linked_kinds(installation)
            ),
            judged=tuple(identity_suites(compare_sizes=True)),
        ),
        Step(
            "core",
            f"fqn:context360.core {_TEXT_SENTIMENT}",
            suites=lambda connection, run: core_suites(
                compare_sizes=run.compares_sizes and table_exists(connection, "quality", "published_table"),
            ),
            judged=core_tables,
        ),
        Step("features", _PREDICTIONS, exclude=f"{_TRAINING} {_OUTCOMES}"),
        Step("training", _TRAINING, due=needs_training_in(installation), further=trained_models(installation)),
        # Touches are valued by a Python step between the two.
        *(
            Step(
                name,
                select,
                exclude=exclude,
                suites=lambda _, run: marts_suites(run.moment) | prediction_suites(),
                judged=marts_tables,
            )
            for name, select, exclude in (
                ("journeys", "fqn:context360.marts.journeys", ""),
                (
                    "marts",
                    " ".join(("fqn:context360.marts", _OUTCOMES, *own_marts)),
                    "fqn:context360.marts.journeys",
                ),
            )
        ),
        Step("quality", "fqn:context360.quality", exclude="fqn:context360.quality.identity"),
    ]


def _linked_kinds(installation: Installation) -> list[str]:
    """The identifiers that the linking rules name, the firm's and the package's."""
    own = installation.dbt.firm.identity_rules
    return [rule.identifier for rule in read_rules(*((own,) if own.is_file() else ())).rules]


def _staging_suites_of(installation: Installation, system: Any) -> SuitesOf:
    folder, nodes = system.staging_folder, installation.dbt.manifest["nodes"]

    def suites(connection: Any, run: RunResource) -> Mapping[str, Sequence[Suite]]:
        landed = newest_landed_at(connection, run.moment)
        found = {}
        for stream in system.streams.values():
            name = f"stg_{folder}__{stream.name}"
            columns = {row[0]: row[1] for row in connection.execute(f"describe staging.{name}").fetchall()}
            found[f"staging.{name}"] = staging_suites(
                folder,
                stream.name,
                nodes[f"model.{installation.dbt.firm.dbt_name}.{name}"],
                landed,
                key=stream.key,
                columns=columns,
                catalog_file=system.catalog_file.name,
            )
        return found

    return suites
