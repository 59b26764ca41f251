"""Deterministic rules: which pairs of records their shared identifier links, and what refuses such a link."""

from __future__ import annotations

from orchestration.identity.model import LinkageModel
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

_RULE_BITS = 10.0  # at least 1,000 to 1: the meaning of "links"


def judge_rule_pairs(
    work: Workspace, model: LinkageModel, rules: Rules, pairs: str, judged: str, *, measure: bool
) -> None:
    """Adds rule and decision to the judged pairs.

    pairs: record_number_l, record_number_r, rule, sharing, block. A pair that several rules link gets the first of the
    rules file. Evidence against a rule is written to `objection`. measure: learn how personal shared identifiers are.
    """
    _write_evidence(work, model, pairs, judged)
    if measure:
        _measure_sharing(work, model, rules)
    _write_verdicts(work, model, rules)
    _add_verdicts(work, judged, len(model.comparisons))


def _write_evidence(work: Workspace, model: LinkageModel, pairs: str, judged: str) -> None:
    """Writes rule_evidence: the pairs, and what the model's comparisons show of them."""
    names, labels = model.comparisons, model.labels

    def came_out(name: str, *wanted: str) -> str:
        """SQL for: this comparison came out as one of these."""
        if name not in names:
            return "false"
        place = names.index(name) + 1
        values = [str(gamma) for gamma, label in labels[name].items() if label in wanted]
        return f"coalesce(judged.gammas[{place}] in ({', '.join(values) or 'null'}), false)"

    no_given_name = "true" if "given_name" not in names else came_out("given_name", "missing")
    work.run(f"""
        create or replace table {{work}}.rule_evidence as
        select
            pairs.*,
            judged.log_odds,
            judged.refused,
            {came_out("given_name", "different")} as other_given,
            {came_out("family_name", "different")} as other_family,
            {came_out("birth_date", "exact", "one error")} as same_birth,
            {came_out("birth_date", "different", "same year")} as other_birth,
            {came_out("given_name", "exact", "crossed")} as same_given,
            ({no_given_name} and not {came_out("family_name", "different")}) as nameless
        from {pairs} as pairs
        left join {judged} as judged using (record_number_l, record_number_r)
    """)


def _write_verdicts(work: Workspace, model: LinkageModel, rules: Rules) -> None:
    """Writes rule_verdict: per pair the first rule that links it, and the objection to the rules that do not."""
    order = " ".join(f"when '{rule.identifier}' then {place}" for place, rule in enumerate(rules.rules))
    shares = (
        " ".join(f"when '{kind}' then {share}" for kind, share in sorted(model.personal_share.items()))
        or "when '' then 1"
    )
    work.run(f"""
        create or replace table {{work}}.rule_verdict as
        with shared_block as (
            select distinct rule, block from {{work}}.rule_evidence where sharing = 'may_be_shared' and other_given
        ),
        verdict as (
            select
                evidence.*,
                case
                    when other_given and other_family then 'shared ' || rule || ', both names differ'
                    -- A number alone does not outweigh another full name: couples use one card.
                    when evidence.sharing = 'one_person' then case
                        when other_given and other_birth then 'given name and birth date differ'
                        when other_given and not same_birth then 'shared ' || rule || ', other given name'
                        when refused = 'name suffixes differ' then 'shared ' || rule || ', other name suffix'
                    end
                    when other_given then 'shared ' || rule || ', other given name'
                    when other_birth then 'shared ' || rule || ', other birth date'
                    when nameless and shared_block.block is not null then 'shared ' || rule || ' of several people'
                    when nameless and (case rule {shares} else 1 end) < {rules.least_share_of_one_person}
                        then 'shared ' || rule || ' and no name'
                end as objection,
                sharing = 'one_person' or same_given or nameless as holds,
                case rule {order} else 99 end as place
            from {{work}}.rule_evidence as evidence
            left join shared_block using (rule, block)
        )
        select
            record_number_l,
            record_number_r,
            arg_min(rule, place) filter (where holds and objection is null) as rule,
            arg_min(sharing, place) filter (where holds and objection is null) as sharing,
            arg_min(rule, place) as shared,
            arg_min(objection, place) filter (where objection is not null) as objection
        from verdict
        group by record_number_l, record_number_r
    """)


def _add_verdicts(work: Workspace, judged: str, width: int) -> None:
    """Adds verdicts and decisions to the judged pairs. width: number of comparisons."""
    work.run(f"""
        create or replace table {judged}_ruled as
        select
            coalesce(judged.record_number_l, verdicts.record_number_l, decisions.record_number_l) as record_number_l,
            coalesce(judged.record_number_r, verdicts.record_number_r, decisions.record_number_r) as record_number_r,
            case when verdicts.rule is not null and judged.refused is null or verdicts.sharing = 'one_person'
                then greatest(coalesce(judged.log_odds, 0), {_RULE_BITS})
                else coalesce(judged.log_odds, 0) end::float as log_odds,
            judged.stranger_odds,
            judged.relative_odds,
            coalesce(judged.in_one_home, false) as in_one_home,
            coalesce(judged.weight, 0)::float as weight,
            case
                when verdicts.sharing = 'one_person' then null
                else judged.refused
            end as refused,
            case when verdicts.rule is null then verdicts.objection end as objection,
            coalesce(judged.gammas, [{", ".join(["-1"] * width)}])::tinyint[] as gammas,
            coalesce(judged.weights, [{", ".join(["0"] * width)}])::float[] as weights,
            case when verdicts.sharing = 'one_person' or judged.refused is null then verdicts.rule end as rule,
            verdicts.sharing,
            decisions.is_same as decision
        from {judged} as judged
        full join {{work}}.rule_verdict as verdicts using (record_number_l, record_number_r)
        full join {{work}}.decision as decisions
            on coalesce(judged.record_number_l, verdicts.record_number_l) = decisions.record_number_l
            and coalesce(judged.record_number_r, verdicts.record_number_r) = decisions.record_number_r;
        drop table {judged};
        alter table {judged}_ruled rename to {judged.rsplit(".", 1)[-1]};
    """)


def _measure_sharing(work: Workspace, model: LinkageModel, rules: Rules) -> None:
    """Per identifier that may be shared: how often one more record with a value belongs to the value's one person.

    Measured by leaving out each named record in turn, for values whose other records are one person. Values of several
    people are left out: they never link a record without a name.
    """
    belief = rules.weight_of_belief
    model.personal_share = {
        kind: (one_person + belief) / (records + belief)
        for kind, records, one_person in work.rows("""
            with pair as (
                select
                    rule, block, record_number_l, record_number_r,
                    other_given or other_birth or refused is not null or not (same_given or coalesce(log_odds, 0) > 0)
                        as is_other
                from {work}.rule_evidence
                where sharing = 'may_be_shared' and not nameless
            ),
            record as (
                select rule, block, unnest([record_number_l, record_number_r]) as record_number, is_other from pair
            ),
            per_record as (
                select rule, block, record_number, count(*) filter (where is_other) as others from record group by all
            ),
            per_block as (select rule, block, count(*) filter (where is_other) as others from pair group by all)
            select rule, count(*), count(*) filter (where per_block.others = 0)
            from per_record
            inner join per_block using (rule, block)
            where per_record.others = per_block.others
            group by rule
            order by rule
        """)
    }
