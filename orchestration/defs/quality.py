"""What Dagster shows of a table, Great Expectations' outcomes as its checks, and the verdict over the whole run."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from expectations.data_docs import page_name
from expectations.outcomes import Outcome
from orchestration.channels.intake.stream_status import forget_other_streams
from orchestration.channels.landing.loads import landed_at
from orchestration.defs.project import Installation, Reports, RunResource
from orchestration.defs.python_assets import failures_metadata
from orchestration.warehouse.broken_tests import WITHHELD
from orchestration.warehouse.failed_steps import forget_other_runs
from orchestration.warehouse.profile import TableProfile

EXPECTATIONS = "expectations"
VERDICT_KEY = dg.AssetKey(["serving", "verdict"])


def table_metadata(profile: TableProfile | None) -> dict[str, Any]:
    """A table's size, columns and first rows as Dagster shows them."""
    if profile is None:
        return {}
    return {
        "dagster/row_count": profile.rows,
        "dagster/column_schema": dg.TableSchema(
            columns=[dg.TableColumn(name, data_type, description=note) for name, data_type, note in profile.columns]
        ),
        "preview": dg.MetadataValue.md(profile.preview),
    }


def expectations_check(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check that carries Great Expectations' outcomes for one table; a failed error blocks what is below."""
    return dg.AssetCheckSpec(
        EXPECTATIONS, asset=key, blocking=True, description="Great Expectations, inside the warehouse. See Data Docs."
    )


def expectations_result(
    outcomes: Sequence[Outcome],
    *,
    key: dg.AssetKey | None = None,
    severity: dg.AssetCheckSeverity | None = None,
    sentence: str = "",
    reports: Reports | None = None,
) -> dg.AssetCheckResult:
    """One result for all rules of a table.

    severity: overrides the one that follows from the rules. reports: where Data Docs show the rules.
    """
    failed = [outcome for outcome in outcomes if not outcome.success]
    errors = [outcome for outcome in failed if outcome.severity == "error"]
    follows = dg.AssetCheckSeverity.ERROR if errors else dg.AssetCheckSeverity.WARN
    metadata: dict[str, Any] = {"rules": len(outcomes), "failed_rules": len(failed)}
    if failed:
        metadata |= failures_metadata(
            ("sentence", "expected", "observed", "sample", "why the rule stands", "severity"),
            [
                (
                    o.sentence,
                    o.rule,
                    o.observed,
                    o.sample or (WITHHELD if o.unexpected_count else ""),
                    o.reason,
                    o.severity,
                )
                for o in (*errors, *(outcome for outcome in failed if outcome not in errors))
            ],
        )
        queries = [outcome.failing_rows_query for outcome in failed if outcome.failing_rows_query]
        if queries:
            metadata["see_the_rows"] = dg.MetadataValue.md("\n".join(f"```sql\n{query}\n```" for query in queries))
    if outcomes and reports:
        first = (failed or outcomes)[0]
        metadata["data_docs"] = reports.link(f"data_docs/{page_name(first.layer, first.table)}")
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=EXPECTATIONS,
        passed=not failed,
        severity=severity or follows,
        metadata=metadata,
        description=(sentence or f"{failed[0].sentence}. {failed[0].reason}") if failed else None,
    )


def newest_landed_at(connection: Any, fallback: datetime) -> datetime:
    """When the newest accepted load landed (naive UTC)."""
    row = connection.execute("select max(load_id) from quality.load where state = 'accepted'").fetchone()
    return landed_at(row[0]) if row and row[0] else fallback


def stream_status_spec(landed: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    """The table in which the landing steps write down how their streams stand. landed: their assets."""
    return dg.AssetSpec(
        ["quality", "stream_status"],
        group_name="quality",
        deps=list(landed),
        owners=["team:data-engineering"],
        kinds={"duckdb"},
        description="One row per stream: its state, and how new its newest record is. Written by the landing steps.",
    )


def verdict_asset(
    installation: Installation, published_key: dg.AssetKey, staged: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    """The last step: what could be published is published, but a run that stopped a stream has not succeeded.

    staged: the tables after which every stream has been judged; a run that stops at a layer publishes nothing.
    """

    @dg.asset(
        key=VERDICT_KEY,
        group_name="serving",
        deps=[published_key, *staged],
        owners=["team:data-engineering"],
        description="Fails the run where a stream was held, could not be fetched or changed its shape, so that "
        "the failure is noticed. Everything else is already published.",
    )
    def verdict(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:  # noqa: ARG001
        streams = [(system.name, stream.name) for system, stream in installation.catalog.streams()]
        with installation.warehouse() as connection:
            forget_other_streams(connection, streams)
            forget_other_runs(connection, context.run_id)
            rows = connection.execute(
                "select source_system, stream, state, sentence from quality.stream_status"
                " where run_id = ? and state <> 'current' order by all",
                [context.run_id],
            ).fetchall()
        if rows:
            raise dg.Failure(
                description="\n".join(sentence for *_, sentence in rows),
                metadata={f"{system}/{stream}": state for system, stream, state, _ in rows},
                allow_retries=False,
            )
        return dg.MaterializeResult(metadata={"streams": len(streams)})

    return verdict
