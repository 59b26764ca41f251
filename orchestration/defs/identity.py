"""Identity as assets: the step between intermediate and core that decides which records are one customer."""

from typing import Any

import dagster as dg

from orchestration.defs.project import Installation, RunResource
from orchestration.defs.python_assets import ENGINEERING, Figures, Work, python_assets
from orchestration.identity.register import is_kept, restore_register
from orchestration.warehouse.build_record import digest_of_files

_TABLES = {
    "identity.link": "One row per pair of source records that are the same person, with the rule or model behind it.",
    "identity.refused_link": "One row per pair of source records that look alike and were not linked, with the reason.",
    "identity.cluster": "One row per source record, with the cluster of records it is linked to.",
    "identity.assignment": "One row per source record, with the durable number of its customer.",
    "identity.assignment_history": "One row per source record and period in which it had the same customer.",
}


def identity_assets(installation: Installation) -> dg.AssetsDefinition:
    """Links, clusters and the assignment of durable customer numbers."""
    return python_assets(
        installation,
        _TABLES,
        _link,
        reads=["intermediate.int_source_record", "intermediate.int_identifier"],
        name="identity",
        errors=(ValueError, FileNotFoundError),
        owner=ENGINEERING,
        made_from=_decided_by,
    )


def _decided_by(installation: Installation, run: RunResource) -> Any:
    """Beside the records: the as of, people's decisions, the firm's rules, and a register from outside."""
    folder, own_rules = installation.settings.identity_path, installation.dbt.firm.identity_rules
    with installation.warehouse() as connection:
        is_own = is_kept(connection, folder)
    decides = is_own and not run.is_replay
    return [run.moment, digest_of_files([folder / "decisions.yml", own_rules])] if decides else None


def _link(work: Work) -> Figures:
    from orchestration.identity.linking import link_records  # with Splink and SciPy: 2 s, which only linking needs

    folder = work.installation.settings.identity_path
    decisions = folder / "decisions.yml"
    own_rules = work.installation.dbt.firm.identity_rules
    restore_register(work.connection, folder, known_until=work.run.known_until if work.run.is_replay else None)
    result = link_records(
        work.connection,
        "intermediate.int_source_record",
        identifiers="intermediate.int_identifier",
        as_of=work.run.moment,
        decisions=decisions if decisions.is_file() else None,
        rules_files=(own_rules,) if own_rules.is_file() else (),
        relearn=False if work.run.is_replay else None,  # the model that decided about the numbers
    )
    for note in result.notes:
        work.log(note)
    return {
        "identity.assignment": {
            "customers": result.customers,
            "new_customers": result.new_customers,
            "merged_customers": result.merged_customers,
            "ignored_values": result.ignored_values,
            "notes": list(result.notes),
            "alerts": list(result.alerts),
        }
    }
