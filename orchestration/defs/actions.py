"""Next best actions as assets: published proposals are logged, and judged once their outcome is known."""

import dagster as dg

from orchestration.defs.project import Installation
from orchestration.defs.python_assets import Figures, Work, nothing_else, python_assets


def action_log_asset(installation: Installation) -> dg.AssetsDefinition:
    """The log of published proposals as a view in the warehouse."""
    return python_assets(
        installation,
        {
            "predictions.action_log": "One row per action that could be proposed in an earlier published run, from the "
            "files of the log."
        },
        _restore_log,
        reads=[],
    )


def _restore_log(work: Work) -> Figures:
    from orchestration.predictions.judging.action_log import restore_action_log

    restore_action_log(work.connection, work.installation.settings.predictions_path, work.run.known_until)
    return {}


def policy_value_asset(installation: Installation) -> dg.AssetsDefinition:
    """The value of the policy that chose the actions, and of others."""
    return python_assets(
        installation,
        {
            "predictions.policy_value": "One row per policy and method, with the value of a decision under it, from "
            "logged proposals and later purchases."
        },
        _judge_policies,
        reads=["predictions.action_decision"],
        made_from=nothing_else,
    )


def _judge_policies(work: Work) -> Figures:
    from orchestration.predictions.judging.policy_values import write_policy_values

    return {"judged_decisions": write_policy_values(work.connection)}


def kept_proposals_asset(installation: Installation, published_key: dg.AssetKey) -> dg.AssetsDefinition:
    """The choices of this run as a file: only published actions count as proposed."""
    return python_assets(
        installation,
        {
            "predictions.kept_proposal": "One row per action that could be proposed, with its probability, in one file "
            "per as of. A run for the same as of replaces it."
        },
        _keep_proposals,
        reads=[".".join(published_key.path), "marts.action_choice"],
    )


def _keep_proposals(work: Work) -> Figures:
    from orchestration.predictions.judging.action_log import ACTIONS, keep_proposals
    from orchestration.predictions.scoring.score_log import file_of

    if work.run.is_replay:
        return {"notes": ["A run of a past moment keeps no proposals: those that were published then stay."]}
    folder = work.installation.settings.predictions_path
    proposed = keep_proposals(work.connection, folder, work.run.moment)
    return {"proposed": proposed, "path": file_of(folder, ACTIONS, work.run.moment)}
