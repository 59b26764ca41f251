"""Identity as assets: the step between intermediate and core that decides which records are one customer."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.defs.project import Installation, RunResource, in_one_sentence
from orchestration.identity import link_records
from orchestration.identity.register import restore_register

_DESCRIPTIONS = {
    "link": "One row per pair of source records that are the same person, with the rule or model that says so.",
    "refused_link": "One row per pair of source records that look alike and were not linked, with the reason.",
    "cluster": "One row per source record, with the cluster of records it is linked to.",
    "assignment": "One row per source record, with the durable number of its customer.",
    "assignment_history": "One row per source record and period in which it had the same customer.",
}


def identity_assets(installation: Installation) -> dg.AssetsDefinition:
    """Links, clusters and the assignment of durable customer numbers."""
    deps = [dg.AssetKey(["intermediate", "int_source_record"]), dg.AssetKey(["intermediate", "int_identifier"])]

    @dg.multi_asset(
        name="identity",
        specs=[
            dg.AssetSpec(
                ["identity", table],
                group_name="identity",
                deps=deps,
                description=description,
                owners=["team:data-engineering"],
                kinds={"duckdb", "python"},
            )
            for table, description in _DESCRIPTIONS.items()
        ],
    )
    def identity(context: dg.AssetExecutionContext, run: RunResource) -> Iterator[Any]:
        decisions = installation.settings.identity_path / "decisions.yml"
        own_rules = installation.dbt.firm.identity_rules
        with installation.warehouse() as connection:
            with in_one_sentence(ValueError, FileNotFoundError):
                restore_register(connection, installation.settings.identity_path)
                result = link_records(
                    connection,
                    "intermediate.int_source_record",
                    identifiers="intermediate.int_identifier",
                    as_of=run.moment,
                    decisions=decisions if decisions.is_file() else None,
                    rules_files=(own_rules,) if own_rules.is_file() else (),
                )
            sizes = {
                table: connection.execute(f"select count(*) from identity.{table}").fetchone()[0]
                for table in _DESCRIPTIONS
            }
        for note in result.notes:
            context.log.info(note)
        for table in _DESCRIPTIONS.keys() - {"assignment"}:
            yield dg.MaterializeResult(asset_key=["identity", table], metadata={"dagster/row_count": sizes[table]})
        yield dg.MaterializeResult(
            asset_key=["identity", "assignment"],
            metadata={
                "dagster/row_count": sizes["assignment"],
                "customers": result.customers,
                "new_customers": result.new_customers,
                "merged_customers": result.merged_customers,
                "ignored_values": result.ignored_values,
                "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in result.notes) or "None."),
            },
        )

    return identity
