"""From judged pairs to clusters: what accepted links connect, divided where the records contradict each other.

Reads `judged` (record numbers, log_odds, weight, relative_odds, refused, rule, decision).
"""

from __future__ import annotations

from orchestration.identity.clusters import (
    CERTAIN,
    STRONGEST,
    cut_large_components,
    split_doubtful,
    write_components,
)
from orchestration.identity.evidence import add_patterns, judge
from orchestration.identity.model import EVERY_PAIR, LinkageModel, score
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace


def write_clusters(work: Workspace, model: LinkageModel, rules: Rules) -> None:
    """Writes cluster_number (record_number, cluster_id) and component; adds to judged the pairs that it scores.

    component: record_number, component (what links connect), part (after weak links of large components are cut),
    cluster_id.
    """
    _write_parts(work, rules)
    _write_unproposed_pairs(work)
    _judge_unproposed_pairs(work, model, rules)
    _split_parts(work)


def _support() -> str:
    """SQL for the support (bits) of a judged pair: its contribution to the mean between two groups of records."""
    return f"""
        case
            when decision is not null then if(decision, {CERTAIN}, -{CERTAIN * 1000})
            when refused is not null then -{STRONGEST}
            when log_odds > 0 then least(log_odds, {STRONGEST})
            else greatest(-{STRONGEST}, least(0, weight, coalesce(relative_odds, 0)))
        end
    """


def _write_parts(work: Workspace, rules: Rules) -> None:
    """Writes whole and part (record_number, component): the components of accepted links, before and after cuts."""
    work.run(f"""
        create or replace table {{work}}.accepted as
        select record_number_l, record_number_r, {_support()} as support
        from {{work}}.judged
        where coalesce(decision, refused is null and ({rules.accepts} or rule is not null))
    """)
    cut = cut_large_components(work, "{work}.accepted", "{work}.part")
    work.run("create or replace table {work}.whole as from {work}.part")
    if cut:
        write_components(work, "{work}.accepted", "{work}.whole")


def _write_unproposed_pairs(work: Workspace) -> None:
    """Writes part_pair, all pairs of each incomplete component, and missing_pair, those that nothing has judged yet."""
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


def _judge_unproposed_pairs(work: Workspace, model: LinkageModel, rules: Rules) -> None:
    """Adds missing_pair to judged, as only the evidence of all pairs shows whether a component is one person."""
    if not work.value("select count(*) from {work}.missing_pair"):
        return
    score(work, model, "missing_pair", "{work}.missing_score", least_weight=EVERY_PAIR)
    add_patterns(work, model, rules, "{work}.missing_score")
    judge(work, model, "{work}.missing_score", "{work}.missing_judged")
    work.run("""
        alter table {work}.missing_judged add column rule varchar;
        alter table {work}.missing_judged add column sharing varchar;
        alter table {work}.missing_judged add column objection varchar;
        alter table {work}.missing_judged add column decision boolean;
        insert into {work}.judged by name from {work}.missing_judged;
    """)


def _split_parts(work: Workspace) -> None:
    work.run(f"""
        create or replace table {{work}}.doubtful_pair as
        with judged as (
            select pairs.component, judged.record_number_l, judged.record_number_r, {_support()} as support
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
