"""From judged pairs to clusters: what accepted links connect, divided where the records contradict each other.

Reads `judged` (record numbers, log_odds, weight, relative_odds, refused, rule, decision).
"""

from __future__ import annotations

from orchestration.identity.clusters import (
    CERTAIN,
    LARGEST_SURE_COMPONENT,
    STRONGEST,
    cut_large_components,
    split_doubtful,
    write_components,
)
from orchestration.identity.contradictions import OVERRULED
from orchestration.identity.copies import MOST_COPIES
from orchestration.identity.evidence import add_patterns, judge
from orchestration.identity.model import EVERY_PAIR, LinkageModel, score
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace


def write_clusters(work: Workspace, model: LinkageModel, rules: Rules) -> None:
    """Writes cluster_number (record_number, cluster_id) and component; adds to judged the pairs that it scores.

    component: record_number, component (what links connect), part (after weak links of large components are cut),
    cluster_id.
    """
    _refuse_ambiguous_initials(work, rules)
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


def _accepted(rules: Rules) -> str:
    """SQL for: a judged pair is linked."""
    return f"coalesce(decision, refused is null and ({rules.accepts} or rule is not null))"


def _refuse_ambiguous_initials(work: Workspace, rules: Rules) -> None:
    """Refuses the model's links of a record that has only an initial if it fits two people alike: it joins neither."""
    work.run(f"""
        create or replace table {{work}}.initial_link as
        with link as (
            select record_number_l, record_number_r, log_odds, rule is not null or decision is not null as is_named
            from {{work}}.judged where {_accepted(rules)}
        ),
        both_ways as (
            select record_number_l as record_number, record_number_r as other, log_odds, is_named from link
            union all
            select record_number_r, record_number_l, log_odds, is_named from link
        )
        select both_ways.*, theirs.given_name
        from both_ways
        inner join {{work}}.record as ours on both_ways.record_number = ours.record_number
        inner join {{work}}.record as theirs on both_ways.other = theirs.record_number
        where length(ours.given_name) = 1 and length(theirs.given_name) > 1;

        create or replace table {{work}}.ambiguous_pair as
        select distinct
            least(ours.record_number, ours.other) as record_number_l,
            greatest(ours.record_number, ours.other) as record_number_r
        from {{work}}.initial_link as ours
        inner join {{work}}.initial_link as theirs
            on ours.record_number = theirs.record_number and ours.given_name <> theirs.given_name
        where not ours.is_named and not theirs.is_named and ours.log_odds < theirs.log_odds + {OVERRULED}
            and (least(ours.other, theirs.other), greatest(ours.other, theirs.other)) not in (
                select (record_number_l, record_number_r) from {{work}}.judged where {_accepted(rules)}
            );

        update {{work}}.judged set refused = 'initial fits several people'
        where (record_number_l, record_number_r) in (
            select (record_number_l, record_number_r) from {{work}}.ambiguous_pair
        )
    """)


def _write_parts(work: Workspace, rules: Rules) -> None:
    """Writes whole and part (record_number, component): the components of accepted links, before and after cuts.

    Of many equal records the further ones follow the first: `node` names, per record, the one that stands for it.
    """
    work.run(f"""
        create or replace table {{work}}.accepted_pair as
        select record_number_l, record_number_r, {_support()} as support
        from {{work}}.judged
        where {_accepted(rules)};

        create or replace table {{work}}.node as
        with pair as (
            select record_number_l as first_record, record_number_r as record_number from {{work}}.accepted_pair
            union all
            select record_number_r, record_number_l from {{work}}.accepted_pair
        ),
        follower as (
            select copies.record_number, min(firsts.record_number) as node
            from pair
            inner join {{work}}.record as copies on pair.record_number = copies.record_number
            inner join {{work}}.record as firsts
                on pair.first_record = firsts.record_number and copies.content = firsts.content
            where copies.copy > {MOST_COPIES} and firsts.copy <= {MOST_COPIES}
            group by copies.record_number
        )
        select records.record_number, coalesce(followers.node, records.record_number) as node
        from {{work}}.record as records
        left join (
            from follower where record_number not in (
                select unnest([record_number_l, record_number_r]) from {{work}}.decision
            )
        ) as followers using (record_number);

        create or replace table {{work}}.accepted as
        select
            least(l.node, r.node) as record_number_l, greatest(l.node, r.node) as record_number_r,
            max(support) as support
        from {{work}}.accepted_pair as pairs
        inner join {{work}}.node as l on pairs.record_number_l = l.record_number
        inner join {{work}}.node as r on pairs.record_number_r = r.record_number
        where l.node <> r.node
        group by 1, 2
    """)
    cut = cut_large_components(work, "{work}.accepted", "{work}.part")
    work.run("create or replace table {work}.whole as from {work}.part")
    if cut:
        write_components(work, "{work}.accepted", "{work}.whole")


def _write_unproposed_pairs(work: Workspace) -> None:
    """Writes part_pair, all pairs of each incomplete component, and missing_pair, those that nothing has judged yet."""
    work.run(f"""
        create or replace table {{work}}.part_pair as
        with small as (
            select component from {{work}}.part group by component
            having count(*) between 3 and {LARGEST_SURE_COMPONENT}
        ),
        linked as (
            select parts.component, count(*) as links
            from {{work}}.accepted as accepted
            inner join {{work}}.part as parts on accepted.record_number_l = parts.record_number
            inner join {{work}}.part as others on accepted.record_number_r = others.record_number
                and parts.component = others.component
            group by 1
        ),
        incomplete as (
            select component
            from (
                select component, count(*) as records from {{work}}.part semi join small using (component) group by 1
            )
            inner join linked using (component)
            where links < records * (records - 1) // 2
        )
        select l.component, l.record_number as join_key_l, r.record_number as join_key_r, '0' as match_key
        from {{work}}.part as l
        inner join {{work}}.part as r on l.component = r.component and l.record_number < r.record_number
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
    score(work, model, {"missing_pair": EVERY_PAIR}, "{work}.missing_score")
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
        select nodes.record_number, whole.component, parts.component as part, clusters.cluster_id
        from {work}.node as nodes
        inner join {work}.whole as whole on nodes.node = whole.record_number
        inner join {work}.part as parts on nodes.node = parts.record_number
        inner join {work}.cluster_number as clusters on nodes.node = clusters.record_number;
        create or replace table {work}.cluster_number as select record_number, cluster_id from {work}.component
    """)
