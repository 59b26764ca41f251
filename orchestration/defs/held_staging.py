"""What a failed rule of staging does: it holds the loads of the stream that no reader has seen yet."""

from collections.abc import Mapping, Sequence

from expectations.outcomes import Outcome
from orchestration.channels.intake.held_loads import broken_row_rules, held_sentence, hold_unpublished_loads
from orchestration.channels.intake.stream_status import StreamState, record_state
from orchestration.defs.project import Installation
from orchestration.defs.steps import Step


def hold_bad_loads(
    installation: Installation, step: Step, outcomes: Mapping[str, Sequence[Outcome]], run_id: str
) -> dict[str, str]:
    """Holds the unpublished loads of every stream with a failed error rule in staging: table -> sentence."""
    held = {}
    for stream in step.system.streams:
        table = f"staging.stg_{step.system.staging_folder}__{stream}"
        errors = [outcome for outcome in outcomes.get(table, ()) if is_error(outcome)]
        if not errors:
            continue
        with installation.warehouse() as connection:
            broken = broken_row_rules(connection, step.system.staging_folder, stream)
            landing_url = installation.settings.landing_url
            if hold_unpublished_loads(connection, step.system.name, stream, landing_url=landing_url):
                sentence = held_sentence(f"{step.system.name}/{stream}", errors, broken)
                record_state(
                    connection,
                    StreamState(step.system.name, stream, "held", sentence, held_loads=1),
                    run_id=run_id,
                    system_title=step.system.title,
                )
                held[table] = sentence
    return held


def is_error(outcome: Outcome) -> bool:
    """Whether a rule failed that stops the steps below."""
    return not outcome.success and outcome.severity == "error"
