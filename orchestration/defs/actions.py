"""Next best actions as assets: what was proposed is kept, and judged when it is known what came of it."""

from typing import Any

import dagster as dg

from orchestration.defs.predictions import GROUP, predictions_key
from orchestration.defs.project import Installation, RunResource

_OWNERS = ["team:customer-insight"]
_KINDS = {"duckdb", "python"}


def action_log_asset(installation: Installation) -> dg.AssetsDefinition:
    """The log of published proposals as a view in the warehouse."""

    @dg.asset(
        key=predictions_key("action_log"),
        group_name=GROUP,
        owners=_OWNERS,
        kinds=_KINDS,
        description="One row per action that could be proposed in an earlier published run, from the files of the log.",
        required_resource_keys={"run"},  # holds the warehouse, so that no second run writes into it
    )
    def action_log() -> None:
        from orchestration.predictions.judging.action_log import restore_action_log

        with installation.warehouse() as connection:
            restore_action_log(connection, installation.settings.predictions_path)

    return action_log


def policy_value_asset(installation: Installation) -> dg.AssetsDefinition:
    """What the way of choosing actions has brought, and what others would have."""

    @dg.asset(
        key=predictions_key("policy_value"),
        group_name=GROUP,
        deps=[predictions_key("action_decision")],
        owners=_OWNERS,
        kinds=_KINDS,
        description="One row per policy and method, with what a decision brings under it, from what was proposed in "
        "earlier runs and bought since.",
        required_resource_keys={"run"},  # holds the warehouse, so that no second run writes into it
    )
    def policy_value() -> dg.MaterializeResult[Any]:
        from orchestration.predictions.judging.policy_values import write_policy_values

        with installation.warehouse() as connection:
            decisions = write_policy_values(connection)
        return dg.MaterializeResult(metadata={"judged_decisions": decisions})

    return policy_value


def kept_proposals_asset(installation: Installation, published_key: dg.AssetKey) -> dg.AssetsDefinition:
    """The choices of this run as a file: only what readers saw was proposed."""

    @dg.asset(
        key=predictions_key("kept_proposal"),
        group_name=GROUP,
        deps=[published_key],
        owners=_OWNERS,
        kinds=_KINDS,
        description="One row per action that could be proposed, with the probability with which it was, in a file of "
        "its own per as of. A run for the same as of replaces it.",
    )
    def kept_proposal(run: RunResource) -> dg.MaterializeResult[Any]:
        from orchestration.predictions.judging.action_log import ACTIONS, keep_proposals
        from orchestration.predictions.scoring.score_log import file_of

        folder = installation.settings.predictions_path
        with installation.warehouse() as connection:
            proposed = keep_proposals(connection, folder, run.moment)
        return dg.MaterializeResult(
            metadata={"proposed": proposed, "path": dg.MetadataValue.path(str(file_of(folder, ACTIONS, run.moment)))}
        )

    return kept_proposal
