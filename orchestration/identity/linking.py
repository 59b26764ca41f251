"""Decides which source records are one customer: identifiers → links → clusters → assignment.

This module only puts the steps in order; each step stands in a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.identity.assignment import assign_numbers, keep_assignment
from orchestration.identity.blocking import choose_keys, write_blocks, write_common_blocks, write_pairs
from orchestration.identity.changes import (
    drop_unaffected,
    gather_records,
    narrow_to_affected,
    write_affected,
    write_changed,
    write_new_certain_pairs,
)
from orchestration.identity.clusters import (
    CERTAIN,
    STRONGEST,
    cut_large_components,
    split_doubtful,
    write_components,
)
from orchestration.identity.decisions import read_decisions, write_decisions
from orchestration.identity.evidence import add_patterns, calibrate, judge
from orchestration.identity.identifiers import (
    note_ignored,
    write_changed_identifiers,
    write_identifiers,
    write_rule_pairs,
)
from orchestration.identity.memory import (
    count_frequencies,
    forget_model,
    has_memory,
    remember,
    remembered_model,
    write_judged_pair,
    write_record,
)
from orchestration.identity.model import LinkageModel, learn, score, telling_columns, untrained_model
from orchestration.identity.name_variants import apply_name_roots, learn_name_roots
from orchestration.identity.records import complete_records, read_records
from orchestration.identity.rule_links import judge_rule_pairs
from orchestration.identity.rules import RULES_FILE, Rules, read_rules
from orchestration.identity.workspace import Workspace, workspace

_EVERYTHING = -10_000.0


@dataclass(frozen=True)
class LinkResult:
    """What was decided, as names of tables in the warehouse, a few counts, and sentences.

    assignments: (source_system, source_record_id, customer_id, match_probability), one row per source record.
    links: the evidence, one row per linked pair of records and rule, or model.
    ignored_values: identifier values that too many records share to say anything.
    notes: what was ignored and why, and what the data cannot support; without any value of a record.
    """

    assignments: str
    links: str
    records: int
    customers: int
    new_customers: int
    merged_customers: int
    ignored_values: int
    notes: tuple[str, ...] = ()
    refused: str = ""


def link_records(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    *,
    identifiers: str | None = None,
    as_of: datetime | None = None,
    schema: str = "identity",
    rules_file: Path = RULES_FILE,
    decisions: Path | None = None,
    relearn: bool | None = None,
) -> LinkResult:
    """Decide which records are the same person and give every customer a durable number.

    records: table with one row per source record: source_system, source_record_id, given_name, family_name, birth_date,
        gender, email, phone, street, house_number, postal_code, city, region, country, national_id, loyalty_number.
        Columns may be empty or absent.
    identifiers: table (source_system, source_record_id, identifier_kind, identifier_value) with every identifier of the
        records; without it the identifiers are derived from the records.
    as_of: when the decision counts from (naive UTC); recorded with customers that were merged or split.
    schema: where results and the memory of earlier calls stand.
    decisions: a reviewed YAML file of records that are the same, or not the same.
    relearn: True learns the model anew, False keeps the one that was learned; by default as rules_file says.

    An unchanged input keeps every number. A merged customer keeps the number of its larger part. Raises ValueError
    where a record has no key or a key stands twice, and where a file cannot be understood.
    """
    rules = read_rules(rules_file)
    reviewed = read_decisions(decisions)
    own_identifiers = identifiers is None
    with workspace(connection, schema) as work:
        known = not relearn and has_memory(work, rules, own_identifiers=own_identifiers)
        count = read_records(work, records, rules, known=known)
        write_decisions(work, reviewed)
        columns = telling_columns(work, work.today, count, rules.least_records_to_learn)
        model = remembered_model(work, rules, columns, count, relearn)
        fresh = False
        incremental = known and model is not None and _prepared_changes(work, model)
        if incremental and model is not None:
            _write_changed_links(work, model, rules, identifiers)
        else:
            if known:
                complete_records(work)
            write_identifiers(work, identifiers, rules)
            fresh = model is None or (not known and not _prepared(work, model)) or known
            if fresh or model is None:
                model = _learned_model(work, rules, columns, count)
            _write_links(work, model, rules, count, fresh=fresh)
        _write_clusters(work, model, rules)
        counts = assign_numbers(work, as_of, whole=not incremental)
        with work.all_or_nothing():
            keep_assignment(work, as_of, whole=not incremental)
            remember(work, model, rules, as_of, fresh=fresh, whole=not incremental, own_identifiers=own_identifiers)
        counts |= _counted(work)
        ignored = note_ignored(work, rules)
        _note_groups(work, rules)
        notes = tuple(work.notes)
    return LinkResult(
        assignments=f"{schema}.assignment",
        links=f"{schema}.link",
        refused=f"{schema}.refused_link",
        ignored_values=ignored,
        notes=notes,
        **counts,
    )


_OUTGROWN = "Some values have become so common that the model was learned anew."


def _prepared(work: Workspace, model: LinkageModel) -> bool:
    """Prepares all records for a remembered model; False where they have outgrown its blocking."""
    apply_name_roots(work, "{work}.clean_record")
    write_record(work, "{work}.record")
    outgrown = write_blocks(work, model.keys, changed_only=False)
    if outgrown:
        work.note(_OUTGROWN)
        work.run("alter table {work}.clean_record drop column given_root")
    return not outgrown


def _prepared_changes(work: Workspace, model: LinkageModel) -> bool:
    """Prepares the changed records for the remembered model; False where they have outgrown its blocking."""
    write_changed(work)
    work.run("create or replace table {work}.plain_record as from {work}.clean_record")
    apply_name_roots(work, "{work}.clean_record")
    write_record(work, "{work}.fresh_record")
    work.run("create or replace table {work}.clean_record as from {work}.plain_record; drop table {work}.plain_record")
    outgrown = write_blocks(work, model.keys, changed_only=True)
    if outgrown:
        work.note(_OUTGROWN)
    return not outgrown


def _learned_model(work: Workspace, rules: Rules, columns: list[str], count: int) -> LinkageModel:
    """A model of today's records; calibrated later, when pairs have been scored."""
    forget_model(work)
    if learn_name_roots(work, "{work}.clean_record", columns):
        columns = [*columns, "given_root"]
    count_frequencies(work)
    write_record(work, "{work}.record")
    model = untrained_model(columns, choose_keys(work, "{work}.record", rules, count), count)
    write_common_blocks(work, model.keys)
    write_blocks(work, model.keys, changed_only=False)
    if not model.comparisons:
        work.note("The records have no columns that could be compared: only rules link them.")
        return model
    if count < rules.least_records_to_learn:
        work.note(f"{count:,} records are too few to learn from: general experience was used.")
        return model
    return learn(work, columns, model.keys, count)


def _write_links(work: Workspace, model: LinkageModel, rules: Rules, count: int, *, fresh: bool) -> None:
    """Writes `judged`: all pairs of rules, decisions and model."""
    write_rule_pairs(work, rules, "{work}.rule_pair")
    work.run("""
        create or replace table {work}.certain_pair as
        select '0' as match_key, record_number_l as join_key_l, record_number_r as join_key_r
        from (
            select record_number_l, record_number_r from {work}.rule_pair
            union
            select record_number_l, record_number_r from {work}.decision
        )
    """)
    write_pairs(work, "{work}.blocked_pair", changed_only=False)
    _score_pairs(work, model, rules, calibrated_on=count if fresh else None)
    work.run("create or replace table {work}.judged as from {work}.scored_judgement")
    judge_rule_pairs(work, model, rules, "{work}.rule_pair", "{work}.judged", measure=fresh)


def _write_changed_links(work: Workspace, model: LinkageModel, rules: Rules, identifiers: str | None) -> None:
    """Writes `judged`: the pairs of the groups of records that a change has touched; scores only what is new."""
    write_changed_identifiers(work, identifiers, rules)
    write_rule_pairs(work, rules, "{work}.rule_pair")
    write_new_certain_pairs(work)
    write_pairs(work, "{work}.blocked_pair", changed_only=True)
    gather_records(
        work,
        """
        select unnest([join_key_l, join_key_r]) from {work}.blocked_pair
        union
        select unnest([join_key_l, join_key_r]) from {work}.certain_pair
        """,
    )
    _score_pairs(work, model, rules)
    write_affected(work, rules)
    narrow_to_affected(work)
    judge_rule_pairs(work, model, rules, "{work}.rule_pair", "{work}.judged", measure=False)
    drop_unaffected(work)


def _score_pairs(work: Workspace, model: LinkageModel, rules: Rules, *, calibrated_on: int | None = None) -> None:
    """Writes `scored_judgement` of the pairs in certain_pair and blocked_pair, and `judged_pair` for the next call.

    calibrated_on: number of records, where the model has just been learned.
    """
    work.run("""
        create or replace table {work}.certain_pair as
        select certain.*, blocked.join_key_l is not null as is_blocked
        from {work}.certain_pair as certain
        left join {work}.blocked_pair as blocked using (join_key_l, join_key_r);
        create or replace table {work}.blocked_pair as
        from {work}.blocked_pair anti join {work}.certain_pair using (join_key_l, join_key_r);
    """)
    score(work, model, "certain_pair", "{work}.scored", least_weight=_EVERYTHING)
    score(work, model, "blocked_pair", "{work}.scored_pair")
    work.run("insert into {work}.scored by name from {work}.scored_pair; drop table {work}.scored_pair")
    add_patterns(work, model, rules, "{work}.scored")
    if calibrated_on is not None:
        calibrate(work, model, "{work}.scored", calibrated_on)
    judge(work, model, "{work}.scored", "{work}.scored_judgement")
    work.run("drop table {work}.scored")
    write_judged_pair(work, rules)


def _support() -> str:
    """SQL for the support (bits) of a judged pair: what it adds to the mean between two groups of records."""
    return f"""
        case
            when decision is not null then if(decision, {CERTAIN}, -{CERTAIN * 1000})
            when refused is not null then -{STRONGEST}
            when log_odds > 0 then least(log_odds, {STRONGEST})
            else greatest(-{STRONGEST}, least(0, weight, coalesce(relative_odds, 0)))
        end
    """


def _write_clusters(work: Workspace, model: LinkageModel, rules: Rules) -> None:
    """Writes clusters, and the tables of links that hold and links that were refused."""
    support = _support()
    work.run(f"""
        create or replace table {{work}}.accepted as
        select record_number_l, record_number_r, {support} as support
        from {{work}}.judged
        where coalesce(decision, refused is null and ({rules.accepts} or rule is not null))
    """)
    cut = cut_large_components(work, "{work}.accepted", "{work}.part")
    work.run("create or replace table {work}.whole as from {work}.part")
    if cut:
        write_components(work, "{work}.accepted", "{work}.whole")
    # All pairs of components that are not complete: what do those say that nobody proposed?
    work.run("""
        create or replace table {work}.part_pair as
        with small as (
            select component from {work}.part group by component having count(*) > 2
        ),
        linked as (
            select parts.component, count(*) as links
            from {work}.accepted as accepted
            inner join {work}.part as parts on accepted.record_number_l = parts.record_number
            inner join {work}.part as others on accepted.record_number_r = others.record_number
                and parts.component = others.component
            group by 1
        ),
        incomplete as (
            select component
            from (select component, count(*) as records from {work}.part semi join small using (component) group by 1)
            inner join linked using (component)
            where links < records * (records - 1) // 2
        )
        select l.component, l.record_number as join_key_l, r.record_number as join_key_r, '0' as match_key
        from {work}.part as l
        inner join {work}.part as r on l.component = r.component and l.record_number < r.record_number
        where l.component in (from incomplete)
    """)
    work.run("""
        create or replace table {work}.missing_pair as
        select match_key, join_key_l, join_key_r
        from {work}.part_pair as pairs
        anti join {work}.judged as judged
            on pairs.join_key_l = judged.record_number_l and pairs.join_key_r = judged.record_number_r
    """)
    if work.value("select count(*) from {work}.missing_pair"):
        score(work, model, "missing_pair", "{work}.missing_score", least_weight=_EVERYTHING)
        add_patterns(work, model, rules, "{work}.missing_score")
        judge(work, model, "{work}.missing_score", "{work}.missing_judged")
        work.run("""
            alter table {work}.missing_judged add column rule varchar;
            alter table {work}.missing_judged add column sharing varchar;
            alter table {work}.missing_judged add column objection varchar;
            alter table {work}.missing_judged add column decision boolean;
            insert into {work}.judged by name from {work}.missing_judged;
        """)
    work.run(f"""
        create or replace table {{work}}.doubtful_pair as
        with judged as (
            select pairs.component, judged.record_number_l, judged.record_number_r, {support} as support
            from {{work}}.judged as judged
            inner join {{work}}.part_pair as pairs
                on judged.record_number_l = pairs.join_key_l and judged.record_number_r = pairs.join_key_r
        )
        select * from judged where component in (select component from judged where support < 0)
    """)
    split_doubtful(work, "{work}.part", "{work}.doubtful_pair", "{work}.cluster_number", least_mean=0.0)
    work.run("""
        create or replace table {work}.component as
        select record_number, whole.component, parts.component as part, clusters.cluster_id
        from {work}.whole as whole
        inner join {work}.part as parts using (record_number)
        inner join {work}.cluster_number as clusters using (record_number)
    """)
    _write_results(work, rules)


def _counted(work: Workspace) -> dict[str, int]:
    """How many records and customers there are."""
    found = work.rows("select count(*), count(distinct customer_id) from {kept}.assignment")[0]
    return {"records": int(found[0]), "customers": int(found[1])}


def _note_groups(work: Workspace, rules: Rules) -> None:
    """Says which groups of records somebody should look at."""
    # A group is called after its smallest record: where it was divided, the others stand in a group of another name.
    cut, apart, large = work.rows(
        """
        select
            (select count(distinct component) from {kept}.component where part <> component),
            (select count(distinct part) from {kept}.component where cluster_id <> part),
            (select count(*) from (select 1 from {kept}.component group by cluster_id having count(*) > ?))
        """,
        [rules.suspicious_records],
    )[0]
    if cut:
        work.note(f"{cut:,} suspiciously large groups of records were cut at their weakest links.")
    if apart:
        work.note(f"{apart:,} groups of records that contradict themselves were taken apart.")
    if large:
        work.note(
            f"{large:,} customers have more than {rules.suspicious_records} records each: somebody should look at them."
        )


def _write_results(work: Workspace, rules: Rules) -> None:
    """Writes link, refused_link, cluster, and cluster_record for the assignment."""
    keys = """
        ours.source_system,
        ours.source_record_id,
        theirs.source_system as other_source_system,
        theirs.source_record_id as other_source_record_id
    """
    judged = """
        from {work}.judged as judged
        inner join {work}.clean_record as ours on judged.record_number_l = ours.record_number
        inner join {work}.clean_record as theirs on judged.record_number_r = theirs.record_number
        inner join {work}.cluster_number as our on judged.record_number_l = our.record_number
        inner join {work}.cluster_number as their on judged.record_number_r = their.record_number
    """
    probability = "1 / (1 + power(2, -greatest(least(judged.log_odds, 60), -60)))"
    work.run(f"""
        create or replace table {{work}}.link as
        select
            {keys},
            case when judged.decision then 'decision' when judged.rule is not null then 'rule' else 'model' end
                as link_type,
            coalesce(case when judged.decision then 'reviewed' end, judged.rule, 'model') as rule,
            case when judged.decision then 1.0 else {probability} end::double as match_probability,
            judged.log_odds as match_weight,
            judged.gammas,
            judged.weights
        {judged}
        where our.cluster_id = their.cluster_id
            and (coalesce(judged.decision, judged.rule is not null) or {rules.accepts})
    """)
    work.run(f"""
        create or replace table {{work}}.refused_link as
        select
            {keys},
            judged.rule,
            {probability}::double as match_probability,
            judged.log_odds as match_weight,
            case
                when not judged.decision then 'reviewed: not the same'
                when judged.refused is not null then judged.refused
                when judged.objection is not null then judged.objection
                when {rules.accepts} or judged.rule is not null then 'contradicts the other records'
                when judged.relative_odds < judged.stranger_odds then 'could be a relative'
                else 'too little evidence'
            end as reason,
            judged.gammas,
            judged.weights
        {judged}
        where our.cluster_id <> their.cluster_id
            and ({rules.nearly_accepts} or judged.rule is not null or not coalesce(judged.decision, true))
    """)
    work.run("""
        create or replace table {work}.best_link as
        select record_number, max(match_probability) as match_probability
        from (
            select l.record_number, links.match_probability
            from {work}.link as links inner join {work}.clean_record as l using (source_system, source_record_id)
            union all
            select r.record_number, links.match_probability
            from {work}.link as links
            inner join {work}.clean_record as r
                on links.other_source_system = r.source_system and links.other_source_record_id = r.source_record_id
        )
        group by record_number
    """)
    work.run("""
        create or replace table {work}.cluster as
        select records.source_system, records.source_record_id, clusters.cluster_id
        from {work}.cluster_number as clusters
        inner join {work}.clean_record as records using (record_number)
        order by records.source_system, records.source_record_id;
        create or replace table {work}.cluster_record as
        select records.source_system, records.source_record_id, clusters.cluster_id,
            coalesce(best.match_probability, 1.0) as match_probability
        from {work}.cluster_number as clusters
        inner join {work}.clean_record as records using (record_number)
        left join {work}.best_link as best using (record_number);
    """)
