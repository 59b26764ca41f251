"""What a failed rule of staging does: it holds the loads of the stream that no reader has seen yet."""

from collections.abc import Mapping, Sequence

from expectations.outcomes import Outcome
from orchestration.channels.intake.conflicting_rows import conflicting_rows
from orchestration.channels.intake.held_loads import (
    broken_row_rules,
    held_sentence,
    hold_unpublished_loads,
    staging_fault,
    stopped_sentence,
)
from orchestration.channels.intake.stream_status import StreamState, record_state
from orchestration.defs.project import Installation
from orchestration.defs.steps import Step


def hold_bad_loads(
    installation: Installation, step: Step, outcomes: Mapping[str, Sequence[Outcome]], run_id: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Holds the unpublished loads of every stream with a failed error rule in staging.

    Returns two mappings, table -> sentence: the streams whose loads are held, and those whose wrong rows are older.
    """
    held, stopped = {}, {}
    for stream in step.system.streams:
        table = f"staging.stg_{step.system.staging_folder}__{stream}"
        errors = [outcome for outcome in outcomes.get(table, ()) if is_error(outcome)]
        if not errors:
            continue
        with installation.warehouse() as connection:
            folder, landing_url = step.system.staging_folder, installation.settings.landing_url
            broken = broken_row_rules(connection, folder, stream)
            conflicting = conflicting_rows(connection, landing_url, step.system.name, stream, folder)
            explained = staging_fault(broken, conflicting, errors)
            label = f"{step.system.name}/{stream}"
            if hold_unpublished_loads(connection, step.system.name, stream, landing_url=landing_url):
                sentence = held_sentence(label, errors, explained)
                record_state(
                    connection,
                    StreamState(step.system.name, stream, "held", sentence, held_loads=1),
                    run_id=run_id,
                    system_title=step.system.title,
                )
                held[table] = sentence
            else:
                stopped[table] = stopped_sentence(label, errors, explained)
    return held, stopped


def is_error(outcome: Outcome) -> bool:
    """Whether a rule failed that stops the steps below."""
    return not outcome.success and outcome.severity == "error"
