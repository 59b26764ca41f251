"""From scores to judged pairs: the probability that two records are one person, and the evidence against it.

Splink's weights treat the pieces of evidence as independent among strangers. People of one home are not strangers: they
share family name, address, telephone and even e-mail. So pairs that share a home or an address are also judged against
that alternative, and the weaker of the two judgements counts.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy

from orchestration.identity.comparisons import PERSONAL
from orchestration.identity.contradictions import (
    AREAS,
    HOMES,
    OVERRULED,
    came_out,
    certainly_refused,
    corrections,
    differing_columns,
    is_crossed,
    listed,
    refused,
    text,
)
from orchestration.identity.copies import MOST_COPIES
from orchestration.identity.model import LinkageModel
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

_BELIEF_IN_RELATIVES = 8.0  # weight of general experience with relatives, in pairs
_PAIRS_OF_EXPERIENCE = 300.0  # weight of general experience with how common matches are, in pairs
_STEPS = 60
_CROSS = ""  # stands for pairs of two systems, among the names of systems
_FEW_RELATIVES = 0.9


def add_patterns(work: Workspace, model: LinkageModel, rules: Rules, scored: str) -> None:
    """Adds to scored pairs what the judgement needs.

    personal (bits that distinguish relatives), pattern (what they share), source (the system, if both are of one),
    certainly_refused; and weighs differences as the two systems' records warrant.
    """
    labels = model.labels
    names = model.comparisons
    personal = [_personal_evidence(model, rules, name) for name in PERSONAL if name in names]
    pattern = ["''"]
    if "home" in names:
        shared = [gamma for gamma, label in labels["home"].items() if label in HOMES]
        area = [gamma for gamma, label in labels["home"].items() if label in AREAS]
        family = _same_family(labels) if "family_name" in names else "false"
        pattern.append(
            f"case when gamma_home in ({listed(shared)}) then 'home ' "
            f"when gamma_home in ({listed(area)}) and {family} then 'area ' else '' end"
        )
    for name in ("phone", "email"):
        if name in names:
            level = {label: gamma for gamma, label in labels[name].items()}
            close = [gamma for label, gamma in level.items() if label in ("one error", "same number")]
            pattern.append(
                f"case when gamma_{name} = {level['exact']} then '{name} ' when gamma_{name} in ({listed(close)}) "
                f"then 'similar {name} ' when gamma_{name} = {level['different']} then '-{name} ' else '' end"
            )
    if "family_name" in names:
        pattern.append(
            f"case when {_same_family(labels)} then 'family' when gamma_family_name = 0 then 'other' else '' end"
        )
    correction = corrections(model)
    corrected = "".join(f", (mw_{name} + {bits})::float as mw_{name}" for name, bits in correction.items())
    differing = differing_columns(model)
    work.run(f"""
        create or replace table {scored}_judged as
        with described as (
            select
                scored.*,
                case when l.source_system = r.source_system then l.source_system end as source,
                case
                    when l.name_suffix <> r.name_suffix then 'differ'
                    when (l.name_suffix is null) <> (r.name_suffix is null) then 'one'
                end as suffixes,
                {is_crossed(model)} as is_crossed
                {", " + differing if differing else ""}
            from {scored} as scored
            inner join {{work}}.record as l on scored.record_number_l = l.record_number
            inner join {{work}}.record as r on scored.record_number_r = r.record_number
        ),
        corrected as (
            select * replace (({" + ".join(["weight", *correction.values()])})::float as weight{corrected})
            from described
        ),
        patterned as (
            select
                *,
                ({" + ".join(personal) or "0"})::float as personal,
                {" || ".join(pattern)} as shared,
                case when regexp_matches(shared, '(^| )(home|area|phone|email)') then shared end as pattern
            from corrected
        )
        select *, {certainly_refused(model)} as certainly_refused from patterned
    """)
    work.run(f"drop table {scored}")
    work.run(f"alter table {scored}_judged rename to {scored.rsplit('.', 1)[-1]}")


def _personal_evidence(model: LinkageModel, rules: Rules, name: str) -> str:
    """SQL for the bits with which a comparison distinguishes one person from a relative."""
    share = {"given_name": rules.relatives_same_given_name, "birth_date": rules.relatives_same_birth_date}.get(name)
    if share is None:
        return f"mw_{name}"
    gamma = {label: value for value, label in model.labels[name].items()}
    m = model.probability(name, "exact")
    # Relatives agree by family (share) or by chance, as strangers do: 1 / m times either probability.
    exact = f"-log2({share / m} + power(2, -mw_{name}))"
    if name == "birth_date":
        return f"case when gamma_{name} = {gamma['exact']} then {exact} else mw_{name} end"
    levels = [f"when gamma_{name} = {gamma['exact']} then {exact}"]
    if "crossed" in gamma:
        # A crossed name also agrees in the family name, which relatives share.
        chance = share + model.probability(name, "exact", "u")
        different = math.log2(model.probability(name, "different") / model.probability(name, "different", "u"))
        levels.append(f"when gamma_{name} = {gamma['crossed']} then {math.log2(m / chance)}")
        levels.append(f"when gamma_{name} = {gamma['half crossed']} then {different}")
    if "birth_date" in model.comparisons:
        # A relative with the same birth date is a twin, and twins often have similar names.
        born_together = next(value for value, label in model.labels["birth_date"].items() if label == "exact")
        alike = [gamma[label] for label in ("short form", "similar", "remotely similar")]
        levels.append(
            f"when gamma_birth_date = {born_together} and gamma_{name} in ({listed(alike)}) then least(mw_{name}, 0)"
        )
    return f"case {' '.join(levels)} else mw_{name} end"


def _same_family(labels: dict[str, dict[int, str]]) -> str:
    """SQL for: the family names agree, even in the other name's field."""
    crossed = [value for value, label in labels.get("given_name", {}).items() if "crossed" in label]
    return f"(gamma_family_name > 0 or gamma_given_name in ({listed(crossed)}))" if crossed else "gamma_family_name > 0"


def calibrate(work: Workspace, model: LinkageModel, scored: str) -> None:
    """Learns from the scored pairs how common matches are: within and between systems, and in one home.

    Expectation maximisation over the counts of equal weights; the evidence per comparison stays as it is.
    """
    counts = work.rows(f"""
        select
            coalesce(source, ''), coalesce(pattern, ''), round(weight * 2) / 2, round(personal * 2) / 2,
            certainly_refused is not null, count(*)
        from {scored} group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
    """)
    sizes = dict(work.rows(f"""
        select source_system, count(*) from {{work}}.record where copy <= {MOST_COPIES} group by 1 order by 1
    """))  # fmt: skip
    pairs = {system: size * (size - 1) / 2 for system, size in sizes.items()}
    pairs[_CROSS] = max(sum(sizes.values()) * (sum(sizes.values()) - 1) / 2 - sum(pairs.values()), 0)
    if not counts:
        return
    source, pattern, weight, personal, refuses, number = (numpy.array(column) for column in zip(*counts, strict=True))
    weight, personal, number = weight.astype(float), personal.astype(float), number.astype(float)
    same = source != _CROSS
    patterns = {str(name): pattern == name for name in sorted(set(pattern)) if name}
    first = dict.fromkeys(pairs, model.prior["cross"])
    prior = dict(first)
    kinds = {kind: source == kind for kind in pairs}
    home_prior = {name: _experience(name) for name in patterns}
    believed = dict(home_prior)
    for _ in range(_STEPS):
        odds = weight.copy()
        twice = numpy.zeros(len(odds))
        for kind, rows in kinds.items():
            odds[rows] += _logit(prior[kind])
            twice[rows] = _twice(prior, kind, len(sizes))
        home = numpy.full(len(odds), numpy.inf)
        for name, rows in patterns.items():
            home[rows] = personal[rows] + _logit(home_prior[name]) + twice[rows]
        probability = numpy.where(refuses, 0.0, 1 / (1 + numpy.exp2(-numpy.clip(_weaker(odds, home), -60, 60))))
        for name, rows in patterns.items():
            # Pairs of two systems show how common matches are; within a system they are rarer by the general factor.
            rows = rows & ~same if len(sizes) > 1 else rows
            posterior = numpy.where(refuses[rows], 0.0, 1 / (1 + numpy.exp2(-numpy.clip(home[rows], -60, 60))))
            found = float((posterior * number[rows]).sum())
            total = float(number[rows].sum())
            home_prior[name] = (found + _BELIEF_IN_RELATIVES * believed[name]) / (total + _BELIEF_IN_RELATIVES)
        matches = {kind: float((probability * number)[rows].sum()) for kind, rows in kinds.items()}
        overall = (sum(matches.values()) + 1) / max(sum(pairs.values()), 1)
        for kind in prior:
            # If one kind of pair has hardly any matches, the overall share still counts a little.
            found = matches[kind] + 0.02 * overall * pairs[kind] + _PAIRS_OF_EXPERIENCE * first[kind]
            prior[kind] = min(max(found / (pairs[kind] + _PAIRS_OF_EXPERIENCE), 1e-12), 0.5)
    model.home_prior = home_prior
    model.same_prior = {system: prior[system] for system in sizes}
    model.prior = {"cross": prior[_CROSS], "same": max(model.same_prior.values())}


def _twice(prior: dict[str, float], kind: str, systems: int) -> float:
    """Bits by which matches within one system are rarer than between two; relatives are equally common."""
    return _logit(prior[kind]) - _logit(prior[_CROSS]) if systems > 1 and kind != _CROSS else 0.0


def _experience(pattern: str) -> float:
    """The share of pairs with this pattern that are one person, from general experience."""
    words = pattern.split()
    exact = {word for place, word in enumerate(words) if place == 0 or words[place - 1] != "similar"}
    if "email" in exact:
        share = 0.85
    elif "phone" in exact:
        share = 0.7
    elif "similar" in words:
        share = 0.5
    elif "area" in words:
        share = 0.2
    else:
        share = 0.15 if "other" in words else 0.45
    # Relatives mostly have a telephone and an address of their own; one person rarely has two.
    odds = share / (1 - share) * 0.3 ** len({"-phone", "-email"} & set(words))
    return odds / (1 + odds)


def _logit(probability: float) -> float:
    return math.log2(probability / (1 - probability)) if probability < 1 else 60.0


def _weaker(odds: Any, home: Any) -> Any:
    """Odds against two alternatives at once: 1 / (1 / a + 1 / b), in bits."""
    low, high = numpy.minimum(odds, home), numpy.maximum(odds, home)
    return low - numpy.log2(1 + numpy.exp2(-numpy.clip(high - low, 0, 60)))


def judge(work: Workspace, model: LinkageModel, scored: str, target: str) -> None:
    """Writes the judged pairs: record numbers, log_odds (bits), evidence, and refused, the reason against a merge."""
    names = model.comparisons
    # A system that the model has not seen counts as the one that repeats its people most seldom.
    cross = _logit(model.prior["cross"])
    known = model.same_prior or {"": model.prior["same"]}
    within = {system: _logit(share) for system, share in sorted(known.items())}
    prior = _by_source(within, min(within.values()), cross)
    factors = {system: odds - cross if len(model.same_prior) > 1 else 0.0 for system, odds in within.items()}
    twice = _by_source(factors, min(factors.values()), 0.0)
    work.run(f"""
        create or replace table {target} as
        with odds as (
            select
                *,
                {prior} as prior_odds,
                {twice} as twice,
                weight + prior_odds as stranger_odds,
                case when pattern is not null then {_home_odds(model)} + twice end as home_odds,
                home_odds + personal as relative_odds
            from {scored}
        ),
        weighed as (
            select
                *,
                least(
                    case
                        when relative_odds is null then stranger_odds
                        else least(stranger_odds, relative_odds)
                            - log2(1 + power(2, -least(abs(stranger_odds - relative_odds), 60)))
                    end,
                    case when not {_is_enough(model)} then 0 end
                )::float as log_odds
            from odds
        )
        select
            record_number_l,
            record_number_r,
            log_odds,
            stranger_odds::float as stranger_odds,
            relative_odds::float as relative_odds,
            -- If people who share this are hardly ever relatives, the lower threshold of strangers applies.
            coalesce(home_odds < {_logit(_FEW_RELATIVES)} and relative_odds < {OVERRULED}, false) as in_one_home,
            weight,
            {refused(model)} as refused,
            [{", ".join(f"gamma_{name}" for name in names)}]::tinyint[] as gammas,
            [{", ".join(f"mw_{name}" for name in names)}]::float[] as weights
        from weighed
    """)


def _by_source(of_system: dict[str, float], of_others: float, of_two: float) -> str:
    """SQL for a number that depends on the system of both records, or on their being of two."""
    cases = " ".join(f"when {text(system)} then {bits}::double" for system, bits in of_system.items())
    return f"(case when source is null then {of_two}::double else case source {cases} else {of_others}::double end end)"


def _home_odds(model: LinkageModel) -> str:
    """SQL for the odds (bits) that two records with this pattern of shared evidence are one person, not relatives."""
    if model.home_prior:
        cases = " ".join(
            f"when '{pattern}' then {_logit(prior)}::double" for pattern, prior in sorted(model.home_prior.items())
        )
        return f"case pattern {cases} else {_logit(0.4)}::double end"
    return "cast(null as double)"


def _is_enough(model: LinkageModel) -> str:
    """SQL for: the evidence may speak for a match.

    Learning shows how typing errors look. Without it, similar values are two values, unless something else about the
    person is exactly equal.
    """
    says = partial(came_out, model)
    exact = [says(name, "exact") for name in ("birth_date", "email", "phone", "national_id", "loyalty_number")]
    names_exact = f"{says('given_name', 'exact', 'crossed')} and {says('family_name', 'exact', 'missing')}"
    return "true" if model.learned else f"coalesce({' or '.join(exact)} or {names_exact}, false)"
