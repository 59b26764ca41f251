"""The linking's results as tables: links, refused links and clusters, with the reason for each pair."""

from __future__ import annotations

from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

_KEYS = """
    ours.source_system,
    ours.source_record_id,
    theirs.source_system as other_source_system,
    theirs.source_record_id as other_source_record_id
"""
_JUDGED = """
    from {work}.judged as judged
    inner join {work}.clean_record as ours on judged.record_number_l = ours.record_number
    inner join {work}.clean_record as theirs on judged.record_number_r = theirs.record_number
    inner join {work}.cluster_number as our on judged.record_number_l = our.record_number
    inner join {work}.cluster_number as their on judged.record_number_r = their.record_number
"""
_PROBABILITY = "1 / (1 + power(2, -greatest(least(judged.log_odds, 60), -60)))"


def write_results(work: Workspace, rules: Rules) -> None:
    """Writes link, refused_link and cluster, and cluster_record for the assignment."""
    _write_links(work, rules)
    _write_refused_links(work, rules)
    _write_cluster_records(work)


def _write_links(work: Workspace, rules: Rules) -> None:
    """Writes link: the pairs within one cluster that a decision, a rule or the model links."""
    work.run(f"""
        create or replace table {{work}}.link as
        select
            {_KEYS},
            case when judged.decision then 'decision' when judged.rule is not null then 'rule' else 'model' end
                as link_type,
            coalesce(case when judged.decision then 'reviewed' end, judged.rule, 'model') as rule,
            case when judged.decision then 1.0 else {_PROBABILITY} end::double as match_probability,
            judged.log_odds as match_weight,
            judged.gammas,
            judged.weights
        {_JUDGED}
        where our.cluster_id = their.cluster_id
            and (coalesce(judged.decision, judged.rule is not null) or {rules.accepts})
    """)


def _write_refused_links(work: Workspace, rules: Rules) -> None:
    """Writes refused_link: the pairs of two clusters that a decision refuses, or that a rule or the model suggests."""
    work.run(f"""
        create or replace table {{work}}.refused_link as
        select
            {_KEYS},
            judged.rule,
            {_PROBABILITY}::double as match_probability,
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
        {_JUDGED}
        where our.cluster_id <> their.cluster_id
            and ({rules.nearly_accepts} or judged.rule is not null or not coalesce(judged.decision, true))
    """)


def _write_cluster_records(work: Workspace) -> None:
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


def counted(work: Workspace) -> dict[str, int]:
    """The number of records and customers."""
    found = work.rows("select count(*), count(distinct customer_id) from {kept}.assignment")[0]
    return {"records": int(found[0]), "customers": int(found[1])}


def note_groups(work: Workspace, rules: Rules) -> None:
    """Notes which groups of records deserve a look: cut, divided, or suspiciously large ones."""
    # A group has the name of its smallest record: in a divided group, the others have another name.
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
        work.note(f"{apart:,} groups of records that contradict themselves were split.")
    for system, repeated, records in work.rows(
        """
        with repeats as (
            select source_system, source_record_id from {kept}.link where source_system = other_source_system
            union
            select source_system, other_source_record_id from {kept}.link where source_system = other_source_system
        )
        select source_system, count(*), any_value(everything.records)
        from repeats
        inner join (select source_system, count(*) as records from {kept}.assignment group by 1) as everything
            using (source_system)
        group by source_system
        having count(*) >= 20 and count(*) > ? * any_value(everything.records)
        order by source_system
        """,
        [rules.most_share_of_repeats],
    ):
        work.note(
            f"{repeated:,} of {records:,} records of {system} ({repeated / records:.0%}) are linked with another "
            f"record of {system}: a system that keys its own customers seldom repeats that many; look at some of them.",
            alert=True,
        )
    if large:
        have, them = ("1 customer has", "it") if large == 1 else (f"{large:,} customers have", "them")
        work.note(f"{have} more than {rules.suspicious_records} records: look at {them}.")
