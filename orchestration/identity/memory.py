"""What one call keeps for the next: the learned model, the comparable records, and the judged pairs.

With it, a later call processes only new or different records and the groups they touch, and decides as a full run with
the same model would. All of it is replaced in one transaction: a call that dies leaves the memory of the one before.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from functools import cache
from pathlib import Path

import duckdb

from orchestration.identity.model import LinkageModel
from orchestration.identity.records import WITH_FREQUENCY
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

_LEARNED = ("linkage_model", "term_frequency", "name_root", "common_block")
# Table → its rows in the scratch database after a call about all records, and after one about changes, and which rows
# of the kept table the latter replaces ("": all).
_CHANGED_PAIR = """
    record_number_l in (from {work}.changed_record) or record_number_r in (from {work}.changed_record)
"""
_AFFECTED_KEY = """
    (source_system, source_record_id) in (select source_system, source_record_id from {work}.affected_record)
"""
_AFFECTED_LINK = f"""
    {_AFFECTED_KEY} and (other_source_system, other_source_record_id) in (
        select source_system, source_record_id from {{work}}.affected_record
    )
"""
_KEPT = {
    "comparable_record": (
        "from {work}.record", "from {work}.fresh_record", "record_number in (from {work}.changed_record)",
    ),
    "emptied_value": (
        "from {work}.emptied_value", "from {work}.emptied_value", "record_number in (from {work}.changed_record)",
    ),
    "shared_value": ("from {work}.shared_value", "from {work}.shared_value", ""),
    "placeholder_date": ("from {work}.placeholder_date", "from {work}.placeholder_date", ""),
    "identifier": (
        """
        select source_system, source_record_id, kind as identifier_kind, value as identifier_value, record_number
        from {work}.identifier inner join {work}.clean_record using (record_number)
        """,
        """
        select source_system, source_record_id, kind as identifier_kind, value as identifier_value, record_number
        from {work}.named_identifier
        """,
        "(identifier_kind, identifier_value) in (select kind, value from {work}.touched_value)",
    ),
    "ignored_identifier": (
        "select kind as identifier_kind, md5(value) as identifier_hash, record_count from {work}.common_value",
        "select kind as identifier_kind, md5(value) as identifier_hash, record_count from {work}.common_value",
        "(identifier_kind, identifier_hash) in (select kind, md5(value) from {work}.touched_value)",
    ),
    "rule_pair": (
        "from {work}.rule_pair", "from {work}.fresh_rule_pair",
        "(rule, block) in (select kind, hash(value) from {work}.touched_value)",
    ),
    "judged_pair": ("from {work}.judged_pair", "from {work}.judged_pair", _CHANGED_PAIR),
    "decision": ("from {work}.decision", "from {work}.all_decision", ""),
    "component": (
        "from {work}.component", "from {work}.component",
        "record_number in (select record_number from {work}.affected_record)",
    ),
    "link": ("from {work}.link", "from {work}.link", _AFFECTED_LINK),
    "refused_link": ("from {work}.refused_link", "from {work}.refused_link", _AFFECTED_LINK),
    "cluster": ("from {work}.cluster", "from {work}.cluster", _AFFECTED_KEY),
}  # fmt: skip


def has_memory(work: Workspace, rules: Rules, *, own_identifiers: bool) -> bool:
    """Whether the memory of an earlier call is complete, and made by the same rules and the same program.

    own_identifiers: the identifiers are derived from the records; memory of a call with given ones cannot be used.
    """
    if not work.exists(*_LEARNED, *_KEPT, "assignment", "known_number", "last_call"):
        return False
    return bool(
        work.value(
            """
            select count(*) from {kept}.linkage_model, {kept}.last_call
            where rules = $made_by and made_by = $made_by and own_identifiers = $own_identifiers
            """,
            {"made_by": _made_by(rules), "own_identifiers": own_identifiers},
        )
    )


@cache
def _made_by(rules: Rules) -> str:
    """What memory depends on besides the records: another version of the program may judge otherwise."""
    program = hashlib.sha256(duckdb.__version__.encode())  # memory keeps its hashes, which may change with it
    for file in sorted(Path(__file__).parent.glob("*.py")):
        program.update(file.read_bytes())
    return f"{program.hexdigest()} {rules!r}"


def remembered_model(
    work: Workspace, rules: Rules, columns: list[str], records: int, relearn: bool | None
) -> LinkageModel | None:
    """The model of an earlier call, or None if it has to be learned (again).

    columns: today's informative columns. relearn: True drops the model, False keeps it as long as it fits the columns;
    None drops it for small tables and if more than rules.most_changed_share of the records have changed since.
    """
    if relearn or not work.exists(*_LEARNED):
        return None
    rows = work.rows("select model, rules from {kept}.linkage_model")
    if not rows or rows[0][1] != _made_by(rules):
        return None
    model = LinkageModel.from_dict(json.loads(rows[0][0]))
    if set(model.columns) - {"given_root"} != set(columns):
        return None
    if relearn is None:
        if records < rules.always_learn_below_records or not model.learned:
            return None
        unknown = 0
        if work.exists("comparable_record"):
            unknown = work.value("""
                select count(*) from {work}.clean_record anti join {kept}.comparable_record using (record_number)
            """)
        grown = abs(records - model.records) + max(int(unknown) - max(records - model.records, 0), 0)
        if grown > rules.most_changed_share * model.records:
            return None
    return model


def forget_model(work: Workspace) -> None:
    """Marks the kept model as unusable, as learning replaces it piece by piece."""
    if work.exists("linkage_model"):
        work.run("update {kept}.linkage_model set rules = ''")


def remember(
    work: Workspace, model: LinkageModel, rules: Rules, as_of: datetime | None, *, fresh: bool, whole: bool,
    own_identifiers: bool
) -> None:  # fmt: skip
    """Keeps the results of this call for the next; call it in a transaction.

    fresh: the model was learned in this call. whole: the call was about all records, not about changes.
    """
    for table, (everything, part, replaced) in _KEPT.items():
        if whole:
            work.run(f"create or replace table {{kept}}.{table} as {everything}")
        else:
            work.run(f"delete from {{kept}}.{table} {'where ' * bool(replaced)}{replaced}")
            work.run(f"insert into {{kept}}.{table} by name {part}")
    if fresh:
        work.run(
            """
            create or replace table {kept}.linkage_model as
            select ? as model, ? as rules, ?::bigint as record_count, ?::timestamp as learned_as_of
            """,
            [json.dumps(model.as_dict()), _made_by(rules), model.records, as_of],
        )
    work.run(
        f"""
        create or replace table {{kept}}.last_call as
        select ? as made_by, ?::boolean as own_identifiers, ({known_numbers()}) as known_numbers
        """,
        [_made_by(rules), own_identifiers],
    )


def known_numbers() -> str:
    """SQL for a checksum of the known numbers: shows whether the register has replaced those of the last call."""
    return """
        select count(*)::hugeint + bit_xor(hash(source_system, source_record_id, customer_id))
        from {kept}.known_number
    """


def count_frequencies(work: Workspace) -> None:
    """Keeps the frequency of each value today, as a share of the filled values, with the hash of the value only.

    Equal records count once: a customer's many records do not make their name common.
    """
    parts = " union all ".join(
        f"""
        select '{column}' as column_name, hash({column}) as value, count(*) / sum(count(*)) over () as share
        from {{work}}.clean_record where {column} is not null and copy = 1 group by {column} having count(*) > 1
        """
        for column in WITH_FREQUENCY
    )
    filled = ", ".join(
        f"('{column}', (select count({column}) from {{work}}.clean_record where copy = 1))" for column in WITH_FREQUENCY
    )
    # A value that occurs once, now or later, has the share of one record: there is no need to keep it.
    work.run(f"""
        create or replace table {{kept}}.term_frequency as
        select counted.column_name, counted.value, counted.share from ({parts}) as counted
        union all
        select column_name, null, 1 / greatest(filled, 1)::double from (values {filled}) as f(column_name, filled)
    """)


def write_record(work: Workspace, target: str) -> None:
    """Writes `target`: the comparable records of `clean_record` with the remembered frequencies."""
    joins, columns = [], []
    for column in WITH_FREQUENCY:
        once = work.value(f"select share from {{kept}}.term_frequency where column_name = '{column}' and value is null")
        columns.append(
            f"case when records.{column} is not null then coalesce(f_{column}.share, {once!r}) end as tf_{column}"
        )
        joins.append(
            f"left join (select value, share from {{kept}}.term_frequency where column_name = '{column}') "
            f"as f_{column} on hash(records.{column}) = f_{column}.value"
        )
    work.run(f"""
        create or replace table {target} as
        select records.*, {", ".join(columns)}
        from {{work}}.clean_record as records
        {" ".join(joins)}
    """)


def write_judged_pair(work: Workspace, rules: Rules) -> None:
    """Writes `judged_pair`: the scored pairs that a later call may need.

    is_blocked: blocking proposed the pair; another pair counts only as long as a rule or a decision names it. All other
    pairs within a group of records are scored again when needed, with the same result.
    """
    work.run(f"""
        create or replace table {{work}}.judged_pair as
        select judged.*, coalesce(certain.is_blocked, true) as is_blocked
        from {{work}}.scored_judgement as judged
        left join {{work}}.certain_pair as certain
            on judged.record_number_l = certain.join_key_l and judged.record_number_r = certain.join_key_r
        where certain.join_key_l is not null or {rules.nearly_accepts}
    """)
