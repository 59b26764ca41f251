"""The days of each stream as partitions: they show which days are in landing, and any of them can be loaded again.

A normal run takes in what is new, whatever day it belongs to, and only reports the days. Materialising a range of days
fetches them again from the source, in one run. Chosen together with what lies below, the warehouse follows in it, too.
"""

import warnings
from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg

from orchestration.channels.catalog import Stream
from orchestration.channels.errors import ChannelError
from orchestration.channels.intake.take_in import take_in
from orchestration.defs.dagster_internals import report_materializations
from orchestration.defs.project import Installation, RunResource, in_one_sentence
from orchestration.defs.stream_intake import intake_run, stream_source

GROUP = "days"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def days_key(system: str, stream: str) -> dg.AssetKey:
    """The key of the asset whose partitions are the days of a stream."""
    return dg.AssetKey([GROUP, system, stream])


def day_assets(installation: Installation) -> list[dg.AssetsDefinition]:
    """One partitioned asset per stream."""
    # One definition for all, so that days of several streams can be loaded again together.
    partitions = dg.DailyPartitionsDefinition(start_date=installation.catalog.first_day.isoformat(), end_offset=1)
    return [_day_asset(installation, system, stream, partitions) for system, stream in installation.catalog.streams()]


def _day_asset(
    installation: Installation, system: Any, stream: Stream, partitions: dg.DailyPartitionsDefinition
) -> dg.AssetsDefinition:
    source = stream_source(installation, system, stream)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of the backfill policy; the version is pinned
        as_asset = dg.asset(
            key=days_key(system.name, stream.name),
            group_name=GROUP,
            partitions_def=partitions,
            backfill_policy=dg.BackfillPolicy.single_run(),
            description=f"The days of {stream.label} that are in landing. Materialise a range to load those days again "
            "from the source; rows that are there already count as repeats. Select what is downstream as well, and the "
            "warehouse follows in the same run.",
            owners=[system.owner] if system.owner else None,
            kinds={"parquet", "dlt"},
            tags={"source_system": system.name, "connector": system.connector},
        )

    def reloaded_days(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:
        keys = context.partition_keys
        days = date.fromisoformat(min(keys)), date.fromisoformat(max(keys))
        with installation.warehouse() as connection, in_one_sentence(ChannelError):
            state, _ = take_in(connection, source, intake_run(context, run), days)
        if state.needs_attention:
            raise dg.Failure(description=state.sentence, allow_retries=False)
        if state.remark:
            context.log.warning(state.remark)
        return dg.MaterializeResult(
            metadata={
                "reloaded_rows": state.new_rows,
                "first_day": str(days[0]),
                "last_day": str(days[1]),
                **({"remark": state.remark} if state.remark else {}),
            }
        )

    return as_asset(reloaded_days)


def report_days(
    instance: dg.DagsterInstance, installation: Installation, system: str, stream: str, days: Sequence[date]
) -> None:
    """Marks days of a stream as loaded. Days before the catalog's `first_day` have no partition and are left out."""
    first, last = installation.catalog.first_day, date.today()  # noqa: DTZ011 (Dagster's last partition is today)
    report_materializations(
        instance,
        [
            dg.AssetMaterialization(days_key(system, stream), partition=day.isoformat())
            for day in sorted(set(days))
            if first <= day <= last
        ],
    )
