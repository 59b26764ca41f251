"""How far a change reaches: the records that are new, different or gone, and every group of records they touch.

A group is what accepted links connect. Links between two records depend on these two, on the other holders of a value
they share, and on reviewed decisions. So the groups of all records for which one of these has changed are rebuilt; no
link leads out of them, and everything else stays as kept.
"""

from __future__ import annotations

from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

_KNOWN_PAIR = """
    record_number_l not in (from {work}.changed_record) and record_number_r not in (from {work}.changed_record)
"""


def write_changed(work: Workspace) -> None:
    """Writes `changed_record` (record_number): records that are new, different or gone."""
    work.run("""
        create or replace table {work}.changed_record as
        from {work}.outdated_record union select record_number from {work}.clean_record
    """)


def write_new_certain_pairs(work: Workspace) -> None:
    """Writes `certain_pair`: the pairs of rules and decisions that have no judgement yet, with is_blocked."""
    work.run(f"""
        create or replace table {{work}}.certain_pair as
        select '0' as match_key, record_number_l as join_key_l, record_number_r as join_key_r
        from (
            select record_number_l, record_number_r from {{work}}.rule_pair
            union
            select record_number_l, record_number_r from {{work}}.decision
            union
            select record_number_l, record_number_r from {{work}}.copy_pair
        )
        anti join (from {{kept}}.judged_pair where {_KNOWN_PAIR}) using (record_number_l, record_number_r)
    """)


def gather_records(work: Workspace, numbers: str) -> None:
    """Writes `record`: those of today's comparable records with a number from the query `numbers`."""
    work.run(f"""
        create or replace table {{work}}.wanted_number as
        select distinct record_number from ({numbers}) as wanted(record_number);
        create or replace table {{work}}.record as
        from {{kept}}.comparable_record
        semi join (from {{work}}.wanted_number anti join {{work}}.changed_record using (record_number))
            using (record_number)
        union all by name
        from {{work}}.fresh_record semi join {{work}}.wanted_number using (record_number)
    """)


def write_affected(work: Workspace, rules: Rules) -> None:
    """Writes `affected_record` (record_number and key, today's or former): the groups to rebuild.

    Reads rule_pair and decision (of today), scored_judgement and certain_pair.
    """
    work.run(f"""
        create or replace table {{work}}.touched_record as
        with pair as (
            select record_number_l, record_number_r from {{work}}.rule_pair
            union all
            select record_number_l, record_number_r from {{kept}}.rule_pair
            where (rule, block) in (select kind, hash(value) from {{work}}.touched_value)
            union all
            select record_number_l, record_number_r from {{work}}.scored_judgement where {rules.nearly_accepts}
            union all
            select join_key_l, join_key_r from {{work}}.certain_pair
            union all
            select record_number_l, record_number_r from {{kept}}.judged_pair where not ({_KNOWN_PAIR})
            union all
            select record_number_l, record_number_r from (
                (from {{work}}.decision except from {{kept}}.decision)
                union all
                (from {{kept}}.decision except from {{work}}.decision)
            )
        )
        select record_number_l as record_number from pair
        union
        select record_number_r from pair
        union
        from {{work}}.changed_record
    """)
    work.run("""
        create or replace table {work}.affected_number as
        from {work}.touched_record
        union
        select record_number from {kept}.component where component in (
            select component from {kept}.component semi join {work}.touched_record using (record_number)
        )
    """)
    work.run("""
        create or replace table {work}.affected_record as
        select record_number, source_system, source_record_id
        from {kept}.comparable_record where record_number in (from {work}.affected_number)
        union
        select record_number, source_system, source_record_id from {work}.fresh_record
    """)


def narrow_to_affected(work: Workspace) -> None:
    """Makes record, clean_record, judged, rule_pair and decision those of the affected groups.

    The pairs and decisions that memory needs go to fresh_rule_pair and all_decision.
    """
    both = """
        {0}.record_number_l in (from {{work}}.affected_number)
        and {0}.record_number_r in (from {{work}}.affected_number)
    """
    gather_records(work, "from {work}.affected_number")
    work.run("""
        create or replace table {work}.clean_record as
        select record_number, source_system, source_record_id from {work}.record
    """)
    # A value's rule pairs are judged together: each pair is evidence about the others.
    work.run(f"""
        create or replace table {{work}}.fresh_rule_pair as from {{work}}.rule_pair;
        create or replace table {{work}}.today_rule_pair as
        from {{kept}}.rule_pair where (rule, block) not in (select kind, hash(value) from {{work}}.touched_value)
        union all by name
        from {{work}}.fresh_rule_pair;
        create or replace table {{work}}.rule_pair as
        from {{work}}.today_rule_pair
        where (rule, block) in (
            select rule, block from {{work}}.today_rule_pair as pairs where {both.format("pairs")}
        );
        create or replace table {{work}}.all_decision as from {{work}}.decision;
        create or replace table {{work}}.decision as from {{work}}.all_decision as pairs where {both.format("pairs")};

        create or replace table {{work}}.asked_pair as
        select record_number_l, record_number_r from {{work}}.rule_pair
        union
        select record_number_l, record_number_r from {{work}}.decision
        union
        select record_number_l, record_number_r from {{work}}.copy_pair;

        create or replace table {{work}}.judged as
        select pairs.* exclude (is_blocked)
        from {{kept}}.judged_pair as pairs
        left join {{work}}.asked_pair as asked using (record_number_l, record_number_r)
        where {_KNOWN_PAIR.replace("record_number", "pairs.record_number")}
            and (asked.record_number_l is not null or (pairs.is_blocked and {both.format("pairs")}))
        union all by name
        select pairs.*
        from {{work}}.scored_judgement as pairs
        left join {{work}}.asked_pair as asked using (record_number_l, record_number_r)
        where asked.record_number_l is not null or ({both.format("pairs")});
    """)


def drop_unaffected(work: Workspace) -> None:
    """Removes the pairs from `judged` that only served to judge others."""
    work.run("""
        delete from {work}.judged
        where record_number_l not in (from {work}.affected_number)
            or record_number_r not in (from {work}.affected_number)
    """)
