"""What one call leaves for the next: the learned model, the records as they were compared, and the judged pairs.

With them a later call looks only at records that are new or different, and decides as a full run with the same model
would. Tables: linkage_model, term_frequency, name_root, common_block, comparable_record, judged_pair.
"""

from __future__ import annotations

import json
from datetime import datetime

from orchestration.identity.model import LinkageModel
from orchestration.identity.records import WITH_FREQUENCY
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

TABLES = ("linkage_model", "term_frequency", "name_root", "common_block", "comparable_record", "judged_pair")


def remembered_model(
    work: Workspace, rules: Rules, columns: list[str], records: int, relearn: bool | None
) -> LinkageModel | None:
    """The model of an earlier call, or None where it has to be learned (again).

    columns: those that say something today. relearn: True forgets it, False keeps it as long as it fits the columns;
    None forgets it for small tables and where more than rules.most_changed_share of the records have changed since.
    """
    if relearn or not work.exists("linkage_model"):
        return None
    rows = work.rows("select model, rules from {kept}.linkage_model")
    if not rows or rows[0][1] != repr(rules):
        return None
    model = LinkageModel.from_dict(json.loads(rows[0][0]))
    if set(model.columns) - {"given_root"} != set(columns):
        return None
    if relearn is None:
        if records < rules.always_learn_below_records or not model.learned:
            return None
        unknown = work.value("""
            select count(*) from {work}.clean_record anti join {kept}.comparable_record using (record_number)
        """)
        grown = abs(records - model.records) + max(int(unknown) - max(records - model.records, 0), 0)
        if grown > rules.most_changed_share * model.records:
            return None
    return model


def remember_model(work: Workspace, model: LinkageModel, rules: Rules, as_of: datetime | None) -> None:
    """Keeps a model that was learned now, with how often each value occurred and the variants of names."""
    work.run(
        """
        create or replace table {kept}.linkage_model as
        select ? as model, ? as rules, ?::bigint as record_count, ?::timestamp as learned_as_of
        """,
        [json.dumps(model.as_dict()), repr(rules), model.records, as_of],
    )


def count_frequencies(work: Workspace) -> None:
    """Keeps how often each value occurs today, as shares of the filled values."""
    parts = " union all ".join(
        f"""
        select '{column}' as column_name, {column} as value, count(*) / sum(count(*)) over () as share
        from {{work}}.clean_record where {column} is not null group by {column} having count(*) > 1
        """
        for column in WITH_FREQUENCY
    )
    filled = ", ".join(
        f"('{column}', (select count({column}) from {{work}}.clean_record))" for column in WITH_FREQUENCY
    )
    # A value that occurs once, then or later, has the share of one record: it need not be kept.
    work.run(f"""
        create or replace table {{kept}}.term_frequency as
        select counted.column_name, counted.value, counted.share from ({parts}) as counted
        union all
        select column_name, null, 1 / greatest(filled, 1)::double from (values {filled}) as f(column_name, filled)
    """)


def write_record(work: Workspace) -> None:
    """Writes `record`: the comparable records with the remembered frequencies."""
    joins, columns = [], []
    for column in WITH_FREQUENCY:
        once = work.value(f"select share from {{kept}}.term_frequency where column_name = '{column}' and value is null")
        columns.append(
            f"case when records.{column} is not null then coalesce(f_{column}.share, {once!r}) end as tf_{column}"
        )
        joins.append(
            f"left join (select value, share from {{kept}}.term_frequency where column_name = '{column}') "
            f"as f_{column} on records.{column} = f_{column}.value"
        )
    work.run(f"""
        create or replace table {{work}}.record as
        select records.*, {", ".join(columns)}
        from {{work}}.clean_record as records
        {" ".join(joins)}
    """)


def write_changed(work: Workspace, *, everything: bool) -> int:
    """Writes `changed_record` (record_number): records that are new, different or gone; returns how many.

    everything: all of today's records, and what was judged is forgotten.
    """
    if everything or not (work.exists("comparable_record") and work.exists("judged_pair")):
        work.run("create or replace table {work}.changed_record as select record_number from {work}.record")
        work.run("drop table if exists {kept}.judged_pair")
    else:
        work.run("""
            create or replace table {work}.changed_record as
            select coalesce(now.record_number, before.record_number) as record_number
            from (select record_number, hash(records) as fingerprint from {work}.clean_record as records) as now
            full join (select record_number, hash(records) as fingerprint from {kept}.comparable_record as records)
                as before using (record_number)
            where now.fingerprint is distinct from before.fingerprint
        """)
    return int(work.value("select count(*) from {work}.changed_record"))


def remember_pairs(work: Workspace, rules: Rules) -> None:
    """Keeps the records as compared, and the judged pairs that are not out of the question.

    Any other pair of one group of records is scored again when it is asked for, with the same result.
    """
    work.run("create or replace table {kept}.comparable_record as from {work}.clean_record")
    work.run(
        """
        create or replace table {kept}.judged_pair as
        select record_number_l, record_number_r, log_odds, stranger_odds, relative_odds, in_one_home, weight, refused,
            gammas, weights
        from {work}.scored_judgement
        where """
        + rules.nearly_accepts
    )
