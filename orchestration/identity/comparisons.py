"""What the model compares, as Splink comparisons: the same settings run on Splink's DuckDB and Spark APIs.

Every level has a starting probability, from general experience, for matches (m) and for strangers (u). With enough
records, Splink's learning replaces them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import SettingsCreator
from splink.internals.comparison_level_creator import ComparisonLevelCreator
from splink.internals.dialects import SplinkDialect

# Comparisons that distinguish people of one home, and comparisons that relatives share.
PERSONAL = ("given_name", "birth_date", "gender", "national_id", "loyalty_number")
SHARED = ("family_name", "home", "phone", "email")

STREET_ONLY = "same street and number"  # and no word on the town

Level = tuple[str, ComparisonLevelCreator | None, float, float]


def _sql(condition: str) -> ComparisonLevelCreator:
    return cll.CustomLevel(condition, base_dialect_str="duckdb")


class _Within(ComparisonLevelCreator):
    """A costly condition that is evaluated only if a cheap one, which it implies, holds.

    Engines evaluate both sides of AND for all rows, but a branch of CASE only for its own rows.
    """

    def __init__(self, bound: str, level: ComparisonLevelCreator) -> None:
        self.bound = bound
        self.level = level

    def create_sql(self, sql_dialect: SplinkDialect) -> str:
        bound = _sql(self.bound).create_sql(sql_dialect)
        return f"case when {bound} then {self.level.create_sql(sql_dialect)} else false end"

    def create_label_for_charts(self) -> str:
        return self.level.create_label_for_charts()


def _ends_agree(column: str, letters: int = 1) -> str:
    """SQL for: the first or the last letters agree, as one typing error leaves one of them unchanged."""
    left, right, before = f"{column}_l", f"{column}_r", letters - 1
    return (
        f"(substr({left}, 1, {letters}) = substr({right}, 1, {letters}) "
        f"or substr({left}, length({left}) - {before}) = substr({right}, length({right}) - {before}))"
    )


def _edit(column: str, distance: int) -> ComparisonLevelCreator:
    """At most `distance` typing errors; texts whose lengths or ends differ more are never measured."""
    return _Within(
        f"abs(length({column}_l) - length({column}_r)) <= {distance} "
        f"and length({column}_l) + length({column}_r) > 6 and {_ends_agree(column)}",
        cll.DamerauLevenshteinLevel(column, distance),
    )


def _jaro_winkler(column: str, least: float, letters: int) -> ComparisonLevelCreator:
    """Texts of at least this similarity and, together, this many letters; those with other ends are never measured."""
    return _Within(
        f"length({column}_l) + length({column}_r) >= {letters} and {_ends_agree(column)}",
        cll.JaroWinklerLevel(column, least),
    )


def _crossed() -> ComparisonLevelCreator:
    """Given and family name are in each other's field; one of them may be misspelled."""
    return _Within(
        "given_name_l <> given_name_r and (given_name_l = family_name_r or family_name_l = given_name_r)",
        _same_digits(_sql("levenshtein(given_name_l, family_name_r) + levenshtein(family_name_l, given_name_r) <= 1")),
    )


def _half_crossed() -> ComparisonLevelCreator:
    """One name is in the other's field, and the other name differs."""
    return _sql(
        "given_name_l <> given_name_r and ((given_name_l = family_name_r and length(given_name_l) > 2) "
        "or (family_name_l = given_name_r and length(family_name_l) > 2))"
    )


def _alike(column: str) -> ComparisonLevelCreator:
    """One typing error, or several in a long name."""
    return cll.Or(_edit(column, 1), _jaro_winkler(column, 0.93, 10))


def _initial(column: str) -> ComparisonLevelCreator:
    """One is a letter or the beginning of the other."""
    left, right = f"{column}_l", f"{column}_r"
    return _sql(
        f"(length({left}) < length({right}) and length({left}) <> 2 "
        f"and substr({right}, 1, length({left})) = {left}) or "
        f"(length({right}) < length({left}) and length({right}) <> 2 "
        f"and substr({left}, 1, length({right})) = {right})"
    )


def _same_digits(level: ComparisonLevelCreator) -> ComparisonLevelCreator:
    """Adds that digits in names agree: guest 1 and guest 2 are not typing errors of each other."""
    return _Within("coalesce(name_digits_l = name_digits_r, true)", level)


def _token(column: str) -> ComparisonLevelCreator:
    """One is a whole word of the other: double names."""
    left, right = f"{column}_l", f"{column}_r"
    return _Within(
        f"{left} like '% %' or {right} like '% %'",
        _sql(
            f"(length({left}) > 2 and concat(' ', {right}, ' ') like concat('% ', {left}, ' %')) or "
            f"(length({right}) > 2 and concat(' ', {left}, ' ') like concat('% ', {right}, ' %'))"
        ),
    )


def _given_name(columns: Iterable[str]) -> list[Level]:
    levels: list[Level] = [
        ("exact", cll.ExactMatchLevel("given_name").configure(tf_adjustment_column="given_name"), 0.80, 0.006),
    ]
    if "family_name" in columns:
        levels.append(("crossed", _crossed(), 0.01, 0.00002))
        levels.append(("half crossed", _half_crossed(), 0.003, 0.0005))
    if "given_root" in columns:
        levels.append(("known variant", cll.ExactMatchLevel("given_root"), 0.04, 0.003))
    return [
        *levels,
        ("short form", _same_digits(cll.Or(_initial("given_name"), _token("given_name"))), 0.07, 0.005),
        ("similar", _same_digits(_alike("given_name")), 0.07, 0.004),
        # Mark and Maria, Peter and Petra: short names resemble each other without being the same.
        ("remotely similar", _same_digits(_jaro_winkler("given_name", 0.8, 11)), 0.02, 0.02),
        ("different", None, 0.03, 0.963),
    ]


def _family_name(_: Iterable[str]) -> list[Level]:
    levels: list[Level] = [
        ("exact", cll.ExactMatchLevel("family_name").configure(tf_adjustment_column="family_name"), 0.86, 0.002),
    ]
    return [
        *levels,
        ("similar", _same_digits(_alike("family_name")), 0.06, 0.003),
        ("part", _same_digits(cll.Or(_token("family_name"), _initial("family_name"))), 0.03, 0.002),
        ("remotely similar", _same_digits(_jaro_winkler("family_name", 0.8, 4)), 0.01, 0.01),
        ("different", None, 0.03, 0.983),
    ]


def _birth_date(_: Iterable[str]) -> list[Level]:
    year, month, day = (f"substr(birth_date_l, {at}) = substr(birth_date_r, {at})" for at in ("1, 4", "6, 2", "9, 2"))
    swapped = (
        f"{year} and substr(birth_date_l, 6, 2) = substr(birth_date_r, 9, 2) "
        "and substr(birth_date_l, 9, 2) = substr(birth_date_r, 6, 2)"
    )
    two_parts = f"case when {year} then {month} or {day} else {month} and {day} end"
    return [
        ("exact", cll.ExactMatchLevel("birth_date").configure(tf_adjustment_column="birth_date"), 0.92, 0.00008),
        (
            "one error",
            cll.Or(_sql(swapped), _Within(_ends_agree("birth_date", 4), cll.DamerauLevenshteinLevel("birth_date", 1))),
            0.03,
            0.001,
        ),
        ("one part differs", _sql(two_parts), 0.015, 0.006),
        ("same year", _sql(year), 0.005, 0.015),
        ("different", None, 0.03, 0.978),
    ]


def _gender(_: Iterable[str]) -> list[Level]:
    return [("same", cll.ExactMatchLevel("gender"), 0.98, 0.5), ("different", None, 0.02, 0.5)]


def _email(_: Iterable[str]) -> list[Level]:
    # Other digits are another address, not an error; the comparison of names counts the names in it.
    one_error = _Within(
        "email_digits_l = email_digits_r and abs(length(email_l) - length(email_r)) <= 1 and "
        + _ends_agree("email_local", 3),
        cll.DamerauLevenshteinLevel("email", 1),
    )
    same_local = _sql("email_local_l = email_local_r and length(email_local_l) > 5")
    return [
        ("exact", cll.ExactMatchLevel("email").configure(tf_adjustment_column="email"), 0.75, 0.00002),
        ("one error", cll.Or(same_local, one_error), 0.05, 0.00002),
        ("same number", _sql("email_number_l = email_number_r"), 0.05, 0.0005),
        ("different", None, 0.20, 0.99996),
    ]


def _phone(_: Iterable[str]) -> list[Level]:
    return [
        ("exact", cll.ExactMatchLevel("phone").configure(tf_adjustment_column="phone"), 0.75, 0.00002),
        ("one error", _Within(_ends_agree("phone", 3), cll.DamerauLevenshteinLevel("phone", 1)), 0.02, 0.00002),
        ("different", None, 0.23, 0.99996),
    ]


def _national_id(_: Iterable[str]) -> list[Level]:
    return [
        ("exact", cll.ExactMatchLevel("national_id"), 0.95, 0.00001),
        ("one error", _edit("national_id", 1), 0.03, 0.00005),
        ("two errors", _edit("national_id", 2), 0.01, 0.001),
        ("different", None, 0.01, 0.99894),
    ]


def _loyalty_number(_: Iterable[str]) -> list[Level]:
    return [("exact", cll.ExactMatchLevel("loyalty_number"), 0.95, 0.00001), ("different", None, 0.05, 0.99999)]


def _elsewhere(has: dict[str, bool], placed: str) -> str:
    """SQL for: postal code or town are known on both sides, and none of them agrees or is similar."""
    differs = [f"coalesce({part}_l <> {part}_r, false)" for part in ("postal_code", "city") if has[part]]
    similar = []
    if has["postal_code"]:
        similar.append("coalesce(levenshtein(postal_code_l, postal_code_r) <= 1, false)")
    if has["city"]:
        similar.append("coalesce(levenshtein(city_l, city_r) <= 2 and length(city_l) > 5, false)")
    if not differs:
        return "false"
    return (
        f"(case when {placed} then false when {' or '.join(differs)} then not ({' or '.join(similar)}) else false end)"
    )


def _home(columns: Iterable[str]) -> list[Level]:
    """Street, number, postal code and town as one piece of evidence: they repeat each other.

    A street without a town or a postal code is no home: many towns have it. In two towns it is no evidence at all.
    """
    has = {column: column in columns for column in ("street", "house_number", "postal_code", "city")}

    def part(column: str, condition: str) -> str:
        return f"coalesce(cast(({condition}) as int), 0)" if has[column] else "0"

    street = part("street", "case when street_l = street_r then true "
                  "when substr(street_l, 1, 1) = substr(street_r, 1, 1) "
                  "and abs(length(street_l) - length(street_r)) <= 3 and length(street_l) > 7 "
                  "then levenshtein(street_l, street_r) <= 3 else false end")  # fmt: skip
    number = part("house_number", "house_number_l = house_number_r")
    postal = part("postal_code", "postal_code_l = postal_code_r")
    city = part("city", "city_l = city_r")
    numbered = "2" if has["house_number"] else "1"
    most = sum(has.values())
    # Two addresses that share neither street, number nor postal code are not compared further.
    near = " or ".join(
        f"{column}_l = {column}_r" for column in ("house_number", "postal_code", "street") if has[column]
    )
    placed = f"{postal} + {city} >= 1"
    elsewhere = _elsewhere(has, placed)
    levels: list[Level] = []
    if has["street"] or (has["postal_code"] and has["house_number"]):
        if has["street"]:
            complete = f"{street} + {number} >= {numbered} and {placed}"
            levels.append(("same home", _Within(near, _sql(complete)), 0.60, 0.00003))
        all_but_one = (
            f"{street} + {number} + {postal} + {city} >= {max(most - 1, 1)} and {street} + {number} >= 1 and {placed}"
        )
        levels.append(("nearly the same home", _Within(near, _sql(all_but_one)), 0.08, 0.00005))
        if has["street"] and has["house_number"]:
            numbered_street = f"{street} + {number} >= 2 and not {elsewhere}"
            levels.append((STREET_ONLY, _Within(near, _sql(numbered_street)), 0.0008, 0.00005))
        if has["street"]:
            levels.append(("same street", _sql(f"{street} >= 1 and not {elsewhere}"), 0.04, 0.002))
    if has["postal_code"]:
        exact = cll.ExactMatchLevel("postal_code").configure(tf_adjustment_column="postal_code")
        levels.append(("same postal code", exact, 0.08, 0.001))
        if has["city"]:
            misspelled = _Within("city_l = city_r", _edit("postal_code", 1))
            levels.append(("same town, similar postal code", misspelled, 0.02, 0.002))
    if has["city"]:
        exact = cll.ExactMatchLevel("city").configure(tf_adjustment_column="city")
        levels.append(("same town", exact, 0.06, 0.02))
        levels.append(("similar town", _jaro_winkler("city", 0.88, 8), 0.01, 0.01))
    levels.append(("different", None, 0.10, 0.95))
    return levels


_LEVELS: dict[str, Callable[[Iterable[str]], list[Level]]] = {
    "given_name": _given_name,
    "family_name": _family_name,
    "birth_date": _birth_date,
    "gender": _gender,
    "email": _email,
    "phone": _phone,
    "national_id": _national_id,
    "loyalty_number": _loyalty_number,
    "home": _home,
}
_HOME_PARTS = ("street", "postal_code", "city")


def comparison_names(columns: Iterable[str]) -> list[str]:
    """The comparisons that are possible with these columns."""
    columns = list(columns)
    return [name for name in _LEVELS if (name in columns or (name == "home" and set(columns) & set(_HOME_PARTS)))]


def level_labels(columns: Iterable[str]) -> dict[str, dict[int, str]]:
    """Per comparison, the meaning of its values (Splink's gammas); -1 is a missing value."""
    columns = list(columns)
    labels = {}
    for name in comparison_names(columns):
        levels = _LEVELS[name](columns)
        labels[name] = {len(levels) - 1 - place: level[0] for place, level in enumerate(levels)} | {-1: "missing"}
    return labels


def _missing(name: str, columns: list[str], with_crossed: bool) -> ComparisonLevelCreator:
    if name == "family_name" and "given_name" in columns and with_crossed:
        # Crossed names are one observation, which the comparison of given names counts.
        return cll.Or(cll.NullLevel(name), _crossed(), _half_crossed()).configure(is_null_level=True)
    if name != "home":
        return cll.NullLevel(name)
    parts = [part for part in _HOME_PARTS if part in columns]
    return cll.CustomLevel(
        " and ".join(f"({part}_l is null or {part}_r is null)" for part in parts), base_dialect_str="duckdb"
    ).configure(is_null_level=True)


def linkage_settings(
    columns: Iterable[str], *, with_frequencies: bool = True, with_crossed: bool = True, prior: float = 0.0001
) -> SettingsCreator:
    """The Splink settings for records that have these columns, usable with any of Splink's engines.

    with_frequencies: weigh rare values more (needs the columns tf_<column>, or lets Splink count).
    with_crossed: look for names in each other's field; then each comparison of names uses both.
    prior: probability that two random records match.
    """
    columns = list(columns)
    comparisons = []
    for name in comparison_names(columns):
        levels = []
        chosen = [level for level in _LEVELS[name](columns) if with_crossed or "crossed" not in level[0]]
        total_m, total_u = sum(level[2] for level in chosen), sum(level[3] for level in chosen)
        for label, creator, m, u in chosen:
            level = creator if creator is not None else cll.ElseLevel()
            options: dict[str, Any] = {"m_probability": m / total_m, "u_probability": u / total_u}
            options["label_for_charts"] = label
            if not with_frequencies and getattr(level, "tf_adjustment_column", None):
                options["tf_adjustment_column"] = None
            levels.append(level.configure(**options))
        comparisons.append(
            cl.CustomComparison([_missing(name, columns, with_crossed), *levels], output_column_name=name)
        )
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_number",
        comparisons=comparisons,  # type: ignore[arg-type]
        blocking_rules_to_generate_predictions=[],
        probability_two_random_records_match=prior,
        retain_matching_columns=True,
        retain_intermediate_calculation_columns=True,
        max_iterations=20,
        em_convergence=0.001,
    )
