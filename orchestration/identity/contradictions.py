"""Evidence against a match: how often each pair of systems contradicts itself, and which contradictions refuse a link.

A different birth date refuses a link where birth dates are reliable. How reliable they are is measured per pair of
systems: a system full of wrong dates must not switch off what protects the records of two others.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations_with_replacement

from scipy.stats import binom

from orchestration.identity.comparisons import STREET_ONLY
from orchestration.identity.model import LinkageModel
from orchestration.identity.workspace import Workspace

HOMES = ("same home", "nearly the same home", STREET_ONLY)
AREAS = ("same street", "same postal code")
# What distinguishes one person from another of similar names. A town or a sex does not: thousands share them.
_SAYS_MORE_THAN_NAMES = (
    ("email", "exact", "one error", "same number"),
    ("phone", "exact", "one error"),
    ("birth_date", "exact", "one error", "one part differs"),
    ("home", *HOMES, *AREAS, "same street and number"),
    ("national_id", "exact", "one error", "two errors"),
    ("loyalty_number", "exact"),
)
_SIMILAR = 0.88  # Jaro-Winkler similarity of names that may be one, in each other's field
# A comparison is reliable if at most this share of matches differ in it (as learned).
_RELIABLE = {"given_name": 0.08, "birth_date": 0.035, "national_id": 0.015}
_COMPARED = {"given_name": 0.03, "birth_date": 0.03, "national_id": 0.01}  # the share before any example
_EXAMPLES_OF_EXPERIENCE = 20  # its weight, in matches
_CHANCE = 0.001  # a pair of systems is cleaner than all if so few differences are less probable by chance
_CERTAIN_MATCH = 10.0  # bits without the comparison: 1,000 to 1
_HOLDS_PEOPLE_ONCE = -4.0  # bits: matches within a system are 16 times rarer than between two
OVERRULED = 7.0  # bits: 128 to 1 overrule one contradiction


def came_out(model: LinkageModel, name: str, *wanted: str) -> str:
    """SQL over scored pairs for: this comparison came out as one of these."""
    if name not in model.comparisons:
        return "false"
    return f"gamma_{name} in ({listed([g for g, label in model.labels[name].items() if label in wanted])})"


def listed(values: list[int]) -> str:
    """The values as a list in SQL."""
    return ", ".join(map(str, values)) or "null"


def measure_contradictions(work: Workspace, model: LinkageModel, scored: str) -> None:
    """Learns `model.differing` from the pairs that are certain matches without the comparison in question.

    Only pairs of systems that are certainly cleaner than all together count. Two systems that are clean beside others,
    and share too few matches to show it, contradict themselves no more often than both together.
    """
    prior = math.log2(model.prior["cross"] / (1 - model.prior["cross"]))
    systems = [system for (system,) in work.rows("select distinct source_system from {work}.record order by 1")]
    model.differing = []
    for name in _compared(model):
        learned = model.probability(name, "different")
        rows = work.rows(f"""
            select
                least(l.source_system, r.source_system),
                greatest(l.source_system, r.source_system),
                count(*),
                count(*) filter ({came_out(model, name, "different")})
            from {scored} as scored
            inner join {{work}}.record as l on scored.record_number_l = l.record_number
            inner join {{work}}.record as r on scored.record_number_r = r.record_number
            where gamma_{name} >= 0 and weight - mw_{name} + {prior} >= {_CERTAIN_MATCH}
            group by 1, 2
        """)
        shares = {
            (one, other): (different + _EXAMPLES_OF_EXPERIENCE * _COMPARED[name]) / (matches + _EXAMPLES_OF_EXPERIENCE)
            for one, other, matches, different in rows
            if binom.cdf(different, matches, learned) < _CHANCE
        }
        clean = {system: min(m for pair, m in shares.items() if system in pair)
                 for system in systems if any(system in pair for pair in shares)}  # fmt: skip
        for pair in combinations_with_replacement(sorted(clean), 2):
            share = shares.get(pair, clean[pair[0]] + clean[pair[1]])
            if share < learned:
                model.differing.append((*pair, name, float(share)))


def is_crossed(model: LinkageModel) -> str:
    """SQL over pairs of records l and r for: both names differ, but one resembles the other record's other name."""
    crosswise = " or ".join(
        f"jaro_winkler_similarity(l.{one}, r.{other}) >= {_SIMILAR}"
        for one, other in (("given_name", "family_name"), ("family_name", "given_name"))
    )
    differ = f"{came_out(model, 'given_name', 'different')} and {came_out(model, 'family_name', 'different')}"
    return f"case when {differ} then coalesce({crosswise}, false) else false end"


def _compared(model: LinkageModel) -> list[str]:
    return [name for name in _COMPARED if model.probability(name, "different") > 0]


def differing_columns(model: LinkageModel) -> str:
    """SQL over pairs of records l and r for differing_<comparison>: how often matches of their systems differ in it."""
    columns = []
    for name in _compared(model):
        learned = model.probability(name, "different")
        cases = " ".join(
            f"when {text(one)} || ' ' || {text(other)} then {m}::double"
            for one, other, kind, m in model.differing if kind == name
        )  # fmt: skip
        found = f"case least(l.source_system, r.source_system) || ' ' || greatest(l.source_system, r.source_system) " \
            f"{cases} else {learned}::double end" if cases else f"{learned}::double"  # fmt: skip
        columns.append(f"{found} as differing_{name}")
    return ", ".join(columns)


def text(value: str) -> str:
    """The value as a text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def corrections(model: LinkageModel) -> dict[str, str]:
    """Per comparison, SQL for the bits by which a difference weighs more than in the model of all systems together."""
    return {
        name: f"case when {came_out(model, name, 'different')} "
        f"then log2(differing_{name} / {model.probability(name, 'different')}) else 0 end"
        for name in _compared(model)
    }


def certainly_refused(model: LinkageModel) -> str:
    """SQL for the reason why a pair cannot be one person, whatever else agrees; null if there is none.

    A number alone does not outweigh another name: cards are shared, and numbers are invented. A state's number counts
    with the birth date or the place beside it, a card with the birth date and the home; then names may be mistakes.
    """
    says = partial(came_out, model)
    other_given = says("given_name", "different")
    same_birth = f"coalesce({says('birth_date', 'exact', 'one error')}, false)"
    same_home = f"coalesce({says('home', *HOMES)}, false)"
    same_place = f"coalesce({says('home', *HOMES, *AREAS, 'same town, similar postal code')}, false)"
    same_card = f"coalesce({says('loyalty_number', 'exact')}, false)"
    same_state_number = f"coalesce({says('national_id', 'exact', 'one error')}, false)"
    confirmed = (
        f"({same_state_number} and ({same_birth} or {same_place}) or {same_card} and {same_birth} and {same_home})"
    )
    same_number = f"({same_state_number} or {same_card})"
    says_more = " or ".join(f"coalesce({says(*levels)}, false)" for levels in _SAYS_MORE_THAN_NAMES)
    contact_differs = f"({says('email', 'different')} or {says('phone', 'different')})"
    return f"""
        case
            when {other_given} and {says("family_name", "different")} and not is_crossed and not {confirmed}
                then 'both names differ'
            when {other_given} and {same_number} and not {same_birth} and not {confirmed}
                then 'one number, given name differs'
            when {contact_differs} and not ({says_more}) and not (
                coalesce({says("given_name", "exact", "crossed")}, false)
                and coalesce({says("family_name", "exact")} or {says("given_name", "crossed")}, false)
            ) then 'names resemble each other, and nothing else agrees'
            when {other_given} and {says("gender", "different")} and not {same_number} then 'given name and sex differ'
            when suffixes = 'differ' then 'name suffixes differ'
            when suffixes = 'one' and pattern is not null and not {same_birth} and not {says("email", "exact")}
                and not {same_number} then 'name suffix on one record only'
        end
    """


def refused(model: LinkageModel) -> str:
    """SQL for the reason why a pair cannot be one person; null if there is none. Reads log_odds."""
    says = partial(came_out, model)
    same_number = f"({says('national_id', 'exact', 'one error')} or {says('loyalty_number', 'exact')})"
    other_given = says("given_name", "different")
    other_birth = says("birth_date", "different")
    # The weight of a contradiction depends on how clean the data are: if birth dates are often wrong, as measured, a
    # different one is evidence like any other; if they are reliable, overruling it takes near certainty.
    refusals = []
    if "national_id" in _compared(model):
        refusals.append(f"""
            when differing_national_id <= {_RELIABLE["national_id"]} and {says("national_id", "different")}
                and not ({says("given_name", "exact", "similar", "crossed")}
                and {says("family_name", "exact", "similar", "missing")}
                and {says("birth_date", "exact", "one error")})
                and not {says("loyalty_number", "exact")} then 'two national ids'
        """)
    if {"given_name", "birth_date"} <= set(_compared(model)):
        refusals.append(f"""
            when differing_given_name * differing_birth_date <= {_RELIABLE["given_name"] * _RELIABLE["birth_date"]}
                and {other_given} and {says("birth_date", "different", "same year")} and not {same_number}
                then 'given name and birth date differ'
        """)
    if "given_name" in _compared(model):
        refusals.append(f"""
            when differing_given_name <= {_RELIABLE["given_name"]} and {other_given} and log_odds < {OVERRULED}
                and not {same_number} then 'given name differs'
        """)
    if "birth_date" in _compared(model):
        refusals.append(f"""
            when differing_birth_date <= {_RELIABLE["birth_date"]} and {other_birth} and log_odds < {OVERRULED}
                and not {same_number} then 'birth date differs'
        """)
    refusals.append(f"""
        when twice < {_HOLDS_PEOPLE_ONCE} and log_odds < {OVERRULED} and not {same_number}
            and {says("home", *HOMES, *AREAS)} then 'two records of one system'
    """)
    return f"coalesce(certainly_refused, case {' '.join(refusals)} end)"
