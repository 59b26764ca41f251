"""The probabilistic model: learned by Splink without labels, kept as plain values, applied to pairs of records.

Fellegi and Sunter's model (1969) with Winkler's frequency adjustment, estimated by expectation maximisation, all by
Splink. This module adds the choice of informative columns, general experience for lack of examples, and u probabilities
corrected for the matches among the random pairs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from splink import DuckDBAPI, Linker, SettingsCreator
from splink.internals.exceptions import SplinkException

from orchestration.identity.blocking import Key
from orchestration.identity.comparisons import STREET_ONLY, comparison_names, level_labels, linkage_settings
from orchestration.identity.copies import MOST_COPIES
from orchestration.identity.records import COLUMNS
from orchestration.identity.workspace import Workspace

# Blocks within which matches and strangers are distinguished. Two without a common column teach every comparison.
_LEARNING_BLOCKS = (
    ("birth_date",), ("given_name", "family_name"), ("national_id",), ("email",), ("phone",),
)  # fmt: skip
_MOST_LEARNING_BLOCKS = 3
_RANDOM_PAIRS = 1_000_000
_PAIRS_IN_ONE_CHUNK = 250_000  # so few are counted faster all at once than in chunks until each outcome is frequent
_MOST_LEARNING_PAIRS = 300_000
_ROUNDS = (20, 8, 3)  # of expectation maximisation
_EXAMPLES_OF_EXPERIENCE = 20  # weight of general experience, in matches
_PAIRS_OF_EXPERIENCE = 3_000  # and in random pairs
_LEAST_FILLED_SHARE = 0.005
EVERY_PAIR = -10_000.0  # bits: a least weight that keeps all pairs
LEAST_WEIGHT = -12.0  # bits: below, a pair that only shares a block is of no interest
_MOST_FOR_A_STREET = 16.0  # to 1: each large town has the commonest streets
RAREST_ERROR = 0.003  # no system's values are beyond doubt: three in a thousand are mistakes


@dataclass
class LinkageModel:
    """Everything learned, as plain values.

    columns: the informative columns. settings: Splink's, with the learned probabilities. keys: the blocking. prior:
    probability that two random records match, within one source system and between two. home_prior: per pattern of
    shared evidence, the share of pairs that are one person. same_prior: per system, the probability that two of its
    records match. differing: how often a comparison comes out as different among matches of two systems, as
    [system, system, comparison, m]: what one system teaches does not weaken the evidence of others.
    personal_share: per identifier kind, how often two named records that share a value are one person.
    learned: false if the model is general experience only.
    """

    columns: list[str]
    settings: dict[str, Any]
    keys: list[Key]
    records: int
    learned: bool
    prior: dict[str, float] = field(default_factory=dict)
    home_prior: dict[str, float] = field(default_factory=dict)
    personal_share: dict[str, float] = field(default_factory=dict)
    same_prior: dict[str, float] = field(default_factory=dict)
    differing: list[tuple[str, str, str, float]] = field(default_factory=list)

    @property
    def comparisons(self) -> list[str]:
        """The names of the comparisons, in the order in which evidence is stored."""
        return comparison_names(self.columns)

    def probability(self, comparison: str, label: str, kind: str = "m") -> float:
        """The probability of a comparison's outcome among matches (m) or strangers (u); 0 if it is not made."""
        for entry in self.settings["comparisons"]:
            if entry["output_column_name"] == comparison:
                for level in entry["comparison_levels"]:
                    if level["label_for_charts"] == label:
                        return float(level[f"{kind}_probability"])
        return 0.0

    @property
    def labels(self) -> dict[str, dict[int, str]]:
        """The names of each comparison's levels."""
        return level_labels(self.columns)

    def as_dict(self) -> dict[str, Any]:
        """The model as JSON values."""
        return asdict(self)

    @staticmethod
    def from_dict(content: dict[str, Any]) -> LinkageModel:
        """The model that as_dict wrote."""
        return LinkageModel(**(content | {"keys": [Key(**key) for key in content["keys"]]}))


def informative_columns(work: Workspace, table: str, records: int, least_records: int) -> list[str]:
    """The filled columns that, in tables of least_records and more, also differ; notes which ones are left out."""
    measured = ", ".join(f"count({column}), approx_count_distinct({column})" for column in COLUMNS)
    row = work.rows(f"select {measured} from {table}")[0]
    kept, empty, useless = [], [], []
    for place, column in enumerate(COLUMNS):
        filled, distinct = row[2 * place], row[2 * place + 1]
        if filled == 0:
            empty.append(column)
        elif filled < 2 or (distinct < 2 and records >= least_records) or filled < _LEAST_FILLED_SHARE * records:
            useless.append(column)
        else:
            kept.append(column)
    if records and empty:
        work.note(f"Ignored, because empty: {', '.join(empty)}.")
    if useless:
        work.note(f"Ignored, because nearly empty or the same everywhere: {', '.join(useless)}.")
    return kept


def first_prior(records: int) -> dict[str, float]:
    """Probability that two random records match, before any pair is scored."""
    prior = 1 / max(2 * records, 200)
    return {"same": prior, "cross": prior}


def learn(work: Workspace, columns: list[str], keys: list[Key], records: int, *, seed: int = 1) -> LinkageModel:
    """Learns the probabilities from the table `record` of the scratch database; without labels, deterministic.

    Of equal records it reads MOST_COPIES: one customer with thousands of them teaches nothing about others.
    """
    work.run(f"create or replace table {{work}}.observed as from {{work}}.record where copy <= {MOST_COPIES}")
    experience = linkage_settings(columns)
    names = set(comparison_names(columns))
    blocks = _learning_blocks(work, columns)
    matches = dict.fromkeys(names, 0.0)
    with _linker(work, experience, "observed") as linker:
        random_pairs = min(records * (records - 1) / 2, _RANDOM_PAIRS)
        linker.training.estimate_u_using_random_sampling(
            max_pairs=_RANDOM_PAIRS, seed=seed, num_chunks=1 if random_pairs <= _PAIRS_IN_ONE_CHUNK else 4
        )
        for block, pairs in blocks:
            share = _share_of_matches(
                linker,
                " and ".join(f"l.{column} = r.{column}" for column in block),
                max_pairs=_MOST_LEARNING_PAIRS if pairs > 2 * _MOST_LEARNING_PAIRS else None,
                record_sample_proportion=0.05,
            )
            for name in names - _used(block):
                matches[name] += share * min(pairs, _MOST_LEARNING_PAIRS)
        trained = linker.misc.save_model_to_json()
    if {"given_name", "family_name"} <= names and not matches["family_name"] and len(names) > 2:
        _learn_family_names(work, columns, trained, matches)
    if not any(matches.values()):
        work.note("Too few records agree to learn from: general experience is used for matches.")
    settings = experience.create_settings_dict("duckdb")
    share = max(matches.values(), default=0.0) / max(records * (records - 1) / 2, 1)
    _blend(settings, trained, matches, random_pairs, min(share, 0.2))
    _borrow(settings, matches)
    return LinkageModel(columns, settings, keys, records, learned=True, prior=first_prior(records))


def _share_of_matches(linker: Linker, block: str, **sampling: Any) -> float:
    """Learns m probabilities within a block and returns the share of its pairs that are matches.

    A level without matches has an m that shrinks with each round, until Splink refuses it: then fewer rounds are made.
    If nothing can be learned, the linker stays unchanged and the share is 0.
    """
    settings = linker._settings_obj
    before = settings.core_model_settings.copy()
    for rounds in _ROUNDS:
        settings.training_settings = replace(settings.training_settings, max_iterations=rounds)
        try:
            session = linker.training.estimate_parameters_using_expectation_maximisation(
                block, estimate_without_term_frequencies=True, **sampling
            )
        except (ValueError, SplinkException):
            settings.core_model_settings = before.copy()
        else:
            return float(session.core_model_settings.probability_two_random_records_match)
    return 0.0


def _learn_family_names(
    work: Workspace, columns: list[str], trained: dict[str, Any], matches: dict[str, float]
) -> None:
    """Learns how family names differ from people with one given name, if no other column can teach it.

    Adds to `trained` and `matches`. Relatives share the family name, hardly ever the given name as well.
    """
    seen = {comparison["output_column_name"]: comparison["comparison_levels"] for comparison in trained["comparisons"]}
    settings = linkage_settings(columns, with_crossed=False).create_settings_dict("duckdb")
    for comparison in settings["comparisons"]:
        known = seen[comparison["output_column_name"]]
        shares = {level["label_for_charts"]: level.get("u_probability") for level in known}
        for level in comparison["comparison_levels"]:
            if shares.get(level["label_for_charts"]):
                level["u_probability"] = shares[level["label_for_charts"]]
    with _linker(work, settings, "observed") as linker:
        found = _share_of_matches(
            linker, "l.given_name = r.given_name", max_pairs=_MOST_LEARNING_PAIRS, record_sample_proportion=0.5
        )
        learned = linker.misc.save_model_to_json()
    for comparison in learned["comparisons"]:
        name = comparison["output_column_name"]
        if name != "given_name" and not matches[name]:
            matches[name] += found * _MOST_LEARNING_PAIRS / 10
            levels = comparison["comparison_levels"]
            shares = {level["label_for_charts"]: level.get("m_probability") for level in levels}
            for level in seen[name]:
                level["m_probability"] = shares.get(level["label_for_charts"], level.get("m_probability"))


def _used(block: tuple[str, ...]) -> set[str]:
    """The comparisons that use columns of a block, and cannot be learned within it."""
    home = {"street", "house_number", "postal_code", "city"}
    used = {"home" if column in home else column for column in block}
    # Each comparison of names looks at both names, for crossed ones.
    return used | ({"family_name", "given_name"} if used & {"family_name", "given_name"} else set())


def _learning_blocks(work: Workspace, columns: list[str]) -> list[tuple[tuple[str, ...], int]]:
    """The blocks to learn from, with their numbers of pairs: as few as teach every comparison.

    Blocks that people of one home share come last, as they mistake relatives for matches. One comparison alone cannot
    distinguish matches from strangers: two must remain.
    """
    chosen: list[tuple[tuple[str, ...], int]] = []
    untaught = set(comparison_names(columns))
    for block in _LEARNING_BLOCKS:
        taught = set(comparison_names(columns)) - _used(block)
        if not set(block) <= set(columns) or len(taught) < 2 or not taught & untaught:
            continue
        filled = " and ".join(f"{column} is not null" for column in block)
        pairs = work.value(f"""
            select coalesce(sum(records * (records - 1) // 2), 0)
            from (select count(*) as records from {{work}}.observed where {filled} group by {", ".join(block)})
        """)
        if pairs >= 20:
            chosen.append((block, int(pairs)))
            untaught -= taught
        if not untaught or len(chosen) == _MOST_LEARNING_BLOCKS:
            break
    return chosen


def _borrow(settings: dict[str, Any], matches: dict[str, float]) -> None:
    """Gives a name without examples the error rates of the other name."""
    names = {"given_name": "family_name", "family_name": "given_name"}
    by_name = {
        comparison["output_column_name"]: comparison["comparison_levels"] for comparison in settings["comparisons"]
    }
    for untaught, other in names.items():
        if untaught in by_name and not matches[untaught] and matches.get(other):
            learned = {level["label_for_charts"].replace("part", "short form"): level for level in by_name[other]}
            levels = [level for level in by_name[untaught] if not level.get("is_null_level")]
            for level in levels:
                known = learned.get(level["label_for_charts"].replace("part", "short form"))
                level["m_probability"] = known["m_probability"] if known else level["m_probability"]
            total = sum(level["m_probability"] for level in levels)
            for level in levels:
                level["m_probability"] /= total


def _blend(
    settings: dict[str, Any], trained: dict[str, Any], matches: dict[str, float], random_pairs: float, share: float
) -> None:
    """Writes the learned probabilities into the settings, mixed with general experience by the number of examples.

    `share` of the pairs from which u is counted are matches. They are subtracted, u = (seen - share * m) / (1 - share),
    so that data sets with many repeats do not make rare agreements look common.
    """
    learned = {comparison["output_column_name"]: comparison for comparison in trained["comparisons"]}
    for comparison in settings["comparisons"]:
        name = comparison["output_column_name"]
        levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        seen = [level for level in learned[name]["comparison_levels"] if not level.get("is_null_level")]
        found = matches[name]
        for level, after in zip(levels, seen, strict=True):
            m, u = after.get("m_probability"), after.get("u_probability")
            prior_m, prior_u = level["m_probability"], level["u_probability"]
            m = prior_m if m is None else (found * m + _EXAMPLES_OF_EXPERIENCE * prior_m) / (
                found + _EXAMPLES_OF_EXPERIENCE
            )  # fmt: skip
            if u is None:  # never seen among the random pairs: rarer than they can show
                u = min(prior_u, 0.5 / random_pairs)
            else:
                u = max((u - share * m) / (1 - share), 0.02 * u, 0.3 / random_pairs)
            u = (random_pairs * u + _PAIRS_OF_EXPERIENCE * prior_u) / (random_pairs + _PAIRS_OF_EXPERIENCE)
            level["m_probability"], level["u_probability"] = max(m, min(prior_m, RAREST_ERROR)), u
        for kind in ("m_probability", "u_probability"):
            total = sum(level[kind] for level in levels)
            for level in levels:
                level[kind] /= total
        _keep_order(levels)
        _bound_street(levels)


def _bound_street(levels: list[dict[str, Any]]) -> None:
    """Keeps a street and number without a town from being more than weak evidence, whatever was learned."""
    for level in levels:
        if level["label_for_charts"] == STREET_ONLY:
            level["m_probability"] = min(level["m_probability"], _MOST_FOR_A_STREET * level["u_probability"])


def _keep_order(levels: list[dict[str, Any]]) -> None:
    """Makes sure that full agreement never counts against a match, nor full disagreement for one."""
    best, worst = levels[0], levels[-1]
    if best["m_probability"] < best["u_probability"]:
        best["m_probability"] = best["u_probability"]
    if worst["m_probability"] > worst["u_probability"]:
        worst["m_probability"] = worst["u_probability"]


def score(work: Workspace, model: LinkageModel, least_weights: dict[str, float], target: str) -> None:
    """Scores the blocked pairs of tables with Splink.

    least_weights: the tables of pairs, each with the bits of evidence, with the prior, below which a pair is left out.
    Writes `target`: record_number_l, record_number_r, weight (bits of evidence, without the prior), and per comparison
    gamma_<name> and mw_<name> (bits, with frequency adjustment).
    """
    names = model.comparisons
    if not names:
        work.run(f"create or replace table {target} (record_number_l bigint, record_number_r bigint, weight float)")
        return
    prior = min(max(model.prior["same"], model.prior["cross"]), 0.3)
    settings = model.settings | {"probability_two_random_records_match": prior}
    filled = [pairs for pairs in least_weights if work.value(f"select 1 from {{work}}.{pairs} limit 1")]
    write = f"create or replace table {target} as"
    with _linker(work, settings) as linker:
        for pairs in filled or list(least_weights)[:1]:  # without any pair, a table without rows
            frame = linker._db_api.register(pairs)
            linker.table_management.register_blocked_pairs_for_predict(frame)
            predicted = linker.inference.predict(threshold_match_weight=least_weights[pairs], warning_mode="never")
            columns = {column.unquote().name for column in predicted.columns}
            parts = []
            for name in names:
                adjusted = f"mw_tf_adj_{name}" if f"mw_tf_adj_{name}" in columns else None
                weight = f"mw_{name} + {adjusted}" if adjusted else f"mw_{name}"
                parts.append(f"gamma_{name}::tinyint as gamma_{name}, ({weight})::float as mw_{name}")
            work.run(f"""
                {write}
                select
                    record_number_l,
                    record_number_r,
                    (match_weight - {math.log2(prior / (1 - prior))})::float as weight,
                    {", ".join(parts)}
                from {{work}}.{predicted.physical_name}
            """)
            write = f"insert into {target} by name"


@contextmanager
def _linker(work: Workspace, settings: SettingsCreator | dict[str, Any], table: str = "record") -> Iterator[Linker]:
    """A silent Splink linker that reads a table of the scratch database and writes there."""
    cursor = work.connection.cursor()
    logger = logging.getLogger("splink")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        cursor.execute(f"use {work.scratch}")
        api = DuckDBAPI(connection=cursor)
        linker = Linker(api.register(table), settings, log_level=None, validate_settings=False)
        yield linker
        linker.table_management.delete_tables_created_by_splink_from_db()
    finally:
        logger.setLevel(level)
        cursor.close()
