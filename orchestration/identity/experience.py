"""The model of a table that is too small to learn from: general experience, and what the table shows of its values."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from orchestration.identity.blocking import Key
from orchestration.identity.comparisons import linkage_settings
from orchestration.identity.model import RAREST_ERROR, LinkageModel, first_prior
from orchestration.identity.workspace import Workspace

_EQUAL_VALUES = re.compile(r'"(\w+)_l" = "\1_r"')
# Weight of general experience, in pairs of records of one system: those of 45 records. A handful says little.
_PAIRS_OF_EXPERIENCE = 1_000


def untrained_model(work: Workspace, columns: list[str], keys: list[Key], records: int) -> LinkageModel:
    """A model of general experience, with values as common as they are within the systems of the table `record`."""
    settings = json.loads(_experience(tuple(columns)))
    _raise_to_agreement(work, settings)
    return LinkageModel(columns, settings, keys, records, learned=False, prior=first_prior(records))


def _raise_to_agreement(work: Workspace, settings: dict[str, Any]) -> None:
    """Raises u of equal values to how often two records of one system have them, where that exceeds experience.

    A system that keys its own customers holds few of them twice, so nearly all of its pairs are strangers: where they
    share names, names say little. Equal records count once.
    """
    for comparison in settings["comparisons"]:
        levels = comparison["comparison_levels"]
        for level in levels:
            equal = _EQUAL_VALUES.fullmatch(level["sql_condition"])
            if not equal or level.get("is_null_level"):
                continue
            ((agreeing, pairs),) = work.rows(f"""
                with counts as (
                    select source_system, count(*) as records
                    from {{work}}.record where copy = 1 and {equal[1]} is not null
                    group by source_system, {equal[1]}
                ),
                systems as (select sum(records) as records from counts group by source_system)
                select
                    (select coalesce(sum(records * (records - 1)) / 2, 0) from counts),
                    (select coalesce(sum(records * (records - 1)) / 2, 0) from systems)
            """)
            experience = level["u_probability"]
            expected = _PAIRS_OF_EXPERIENCE * experience
            seen = (float(agreeing) + expected) / (float(pairs) + _PAIRS_OF_EXPERIENCE)
            if seen > experience:
                level["u_probability"] = seen
                levels[-1]["u_probability"] = max(levels[-1]["u_probability"] - (seen - experience), RAREST_ERROR)


@cache
def _experience(columns: tuple[str, ...]) -> str:
    """Splink's settings of general experience as JSON: to write them costs as much as to link a small table."""
    return json.dumps(linkage_settings(list(columns), with_frequencies=False).create_settings_dict("duckdb"))
