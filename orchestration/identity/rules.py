"""The configuration of the linking: rules.yml, and a firm's rules laid over it, as typed values. Computes nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.firm.placeholders import SECTION, Placeholder, fault_of, neutral_placeholders, placeholders_of

RULES_FILE = Path(__file__).with_name("rules.yml")
SHARING = ("one_person", "may_be_shared", "may_change_hands")


class RulesError(ValueError):
    """A rules file cannot be used; the message names the file and the setting, and says what to write instead."""


@dataclass(frozen=True)
class Rule:
    """One identifier, how records share it, and why."""

    identifier: str
    sharing: str
    reason: str


@dataclass(frozen=True)
class Rules:
    """Everything that rules.yml configures; each field is explained there."""

    rules: tuple[Rule, ...]
    most_records_per_value: int
    least_share_of_one_person: float
    weight_of_belief: float
    link_probability: float
    link_in_one_home_probability: float
    near_miss_probability: float
    relatives_same_given_name: float
    relatives_same_birth_date: float
    pairs_per_record: int
    least_pairs: int
    most_records_per_key: int
    least_records_to_learn: int
    always_learn_below_records: int
    most_changed_share: float
    suspicious_records: int
    most_share_of_repeats: float
    name_suffixes: tuple[tuple[str, ...], ...]
    placeholder_identifiers: tuple[Placeholder, ...]
    placeholders: tuple[str, ...]
    titles: tuple[str, ...]

    @property
    def accepts(self) -> str:
        """SQL over judged pairs: the model links them."""
        return (
            f"(refused is null and log_odds >= case when in_one_home "
            f"then {_bits(self.link_in_one_home_probability)} else {_bits(self.link_probability)} end)"
        )

    @property
    def nearly_accepts(self) -> str:
        """SQL over judged pairs: the model does not rule them out."""
        return f"(log_odds >= {_bits(self.near_miss_probability)})"

    def kinds(self, *sharing: str) -> list[str]:
        """The identifiers with one of these sharing behaviours."""
        return [rule.identifier for rule in self.rules if rule.sharing in sharing]


def _bits(probability: float) -> float:
    return math.log2(probability / (1 - probability))


def read_rules(*files: Path) -> Rules:
    """The neutral rules with these files laid over them, the last on top.

    A file holds only what differs: a section's settings, an identifier's entry under `rules`, further placeholders and
    titles. Known identifiers keep their place in the order of rules; new ones come before all others. To switch a rule
    off, set its sharing to may_change_hands. Raises RulesError if a file cannot be used.
    """
    content = deepcopy(_neutral_content()) | {SECTION: neutral_placeholders()}
    for file in files:
        added = _content(Path(file))
        _check(added, content, Path(file).name)
        content = _laid_over(content, added)
    return Rules(
        rules=tuple(Rule(entry["identifier"], entry["sharing"], entry["reason"]) for entry in content["rules"]),
        most_records_per_value=int(content["most_records_per_value"]["limit"]),
        least_share_of_one_person=float(content["nameless"]["least_share_of_one_person"]),
        weight_of_belief=float(content["nameless"]["weight_of_belief"]),
        link_probability=float(content["probability"]["link"]),
        link_in_one_home_probability=float(content["probability"]["link_in_one_home"]),
        near_miss_probability=float(content["probability"]["near_miss"]),
        relatives_same_given_name=float(content["relatives"]["same_given_name"]),
        relatives_same_birth_date=float(content["relatives"]["same_birth_date"]),
        pairs_per_record=int(content["blocking"]["pairs_per_record"]),
        least_pairs=int(content["blocking"]["least_pairs"]),
        most_records_per_key=int(content["blocking"]["most_records_per_key"]),
        least_records_to_learn=int(content["learning"]["least_records"]),
        always_learn_below_records=int(content["learning"]["always_below_records"]),
        most_changed_share=float(content["learning"]["most_changed_share"]),
        suspicious_records=int(content["suspicious"]["records_per_customer"]),
        most_share_of_repeats=float(content["repeats"]["most_share"]),
        name_suffixes=tuple(tuple(words) for field, words in content["name_suffixes"].items() if field != "reason"),
        placeholder_identifiers=placeholders_of(content[SECTION]),
        placeholders=tuple(content["placeholders"]),
        titles=tuple(content["titles"]),
    )


@cache
def _neutral_content() -> dict[str, Any]:
    """The sections of the neutral rules, which change with an installation only."""
    return _content(RULES_FILE)


def _content(file: Path) -> dict[str, Any]:
    """The file's sections. Raises RulesError if it is missing, not YAML, or not a mapping."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RulesError(
            f"There is no rules file {file}: name an existing one, such as a changed copy of {RULES_FILE.name}."
        ) from None
    except UnicodeDecodeError:
        raise RulesError(f"{file.name} is not UTF-8 text: save it in UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise RulesError(f"{file.name}{place} is not valid YAML: correct it there.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise RulesError(f"{file.name} is not a mapping of sections: write it like {RULES_FILE.name}.")
    return content


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for section, value in above.items():
        if section == "rules":
            merged[section] = _rules_laid_over(below[section], value)
        elif section == SECTION:
            merged[section] = [*below[section], *(entry for entry in value if entry not in below[section])]
        elif isinstance(value, list):
            merged[section] = list(dict.fromkeys([*below[section], *value]))
        else:
            merged[section] = below[section] | value
    return merged


def _rules_laid_over(below: list[dict[str, str]], above: list[dict[str, str]]) -> list[dict[str, str]]:
    changed = {entry["identifier"]: entry for entry in above}
    known = [entry | changed.pop(entry["identifier"], {}) for entry in below]
    return [{"sharing": "may_be_shared"} | entry for entry in changed.values()] + known


# --- checking --------------------------------------------------------------------------------------------------------


def _check(content: dict[str, Any], neutral: Mapping[str, Any], file: str) -> None:
    """Raises RulesError for the first section that is unknown or holds something else than in the neutral file."""
    for section, value in content.items():
        if section not in neutral:
            raise RulesError(f"{file} sets {section}, which is not a setting: see {RULES_FILE.name}.")
        if section == "rules":
            _check_rules(value, file)
        elif section in ("placeholders", "titles"):
            _check_words(section, value, file)
        elif section == SECTION:
            _check_placeholder_identifiers(value, file)
        elif not isinstance(value, dict):
            fields = ", ".join(neutral[section])
            raise RulesError(f"{file}: {section} is not a section: write its settings below it ({fields}).")
        else:
            for field, setting in value.items():
                if field not in neutral[section]:
                    raise RulesError(f"{file} sets {section}.{field}, which is not a setting: see {RULES_FILE.name}.")
                is_valid, remedy = _VALID[section, field] if field != "reason" else (_is_text, "write a text")
                if not is_valid(setting):
                    raise RulesError(f"{file}: {section}.{field} cannot be {setting!r}: {remedy}.")


def _check_rules(entries: Any, file: str) -> None:
    if not isinstance(entries, list):
        raise RulesError(f"{file}: rules is not a list: write one identifier per line, each with a dash in front.")
    seen = set()
    for number, entry in enumerate(entries, start=1):
        place = f"{file}, rule {number}"
        if not isinstance(entry, dict) or set(entry) - {"identifier", "sharing", "reason"}:
            raise RulesError(f"{place}: write identifier, sharing and reason, and nothing else.")
        identifier = entry.get("identifier")
        if not isinstance(identifier, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", identifier):
            raise RulesError(f"{place} has no identifier: write its kind in snake_case, as in loyalty_number.")
        if entry.get("sharing", SHARING[0]) not in SHARING:
            raise RulesError(f"{place} ({identifier}) has no sharing behaviour: write one of {', '.join(SHARING)}.")
        if not _is_text(entry.get("reason")):
            raise RulesError(f"{place} ({identifier}) has no reason: write why records that share it are one person.")
        if identifier in seen:
            raise RulesError(f"{place}: {identifier} appears twice: keep one of the two.")
        seen.add(identifier)


def _check_placeholder_identifiers(entries: Any, file: str) -> None:
    if not isinstance(entries, list):
        raise RulesError(f"{file}: {SECTION} is not a list: write one entry per line, with a dash in front.")
    for number, entry in enumerate(entries, start=1):
        fault = fault_of(entry)
        if fault:
            raise RulesError(f"{file}, entry {number} of {SECTION}: {fault}.")


def _check_words(section: str, words: Any, file: str) -> None:
    if not isinstance(words, list):
        raise RulesError(f"{file}: {section} is not a list: write it as [first, second].")
    for word in words:
        if not isinstance(word, str) or not re.fullmatch(r"[^\W_]+( [^\W_]+)*", word) or word != word.lower():
            raise RulesError(f"{file}: {section} cannot have {word!r}: write words in lower case, without punctuation.")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) and word.isalnum() for word in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_probability(value: Any) -> bool:
    return _is_number(value) and 0 < value < 1


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_PROBABILITY = (_is_probability, "write a number between 0 and 1")
_SHARE = (_is_share, "write a share from 0 to 1")
_COUNT = (_is_count, "write a whole number above 0")
_VALID: dict[tuple[str, str], tuple[Callable[[Any], bool], str]] = {
    ("most_records_per_value", "limit"): _COUNT,
    ("nameless", "least_share_of_one_person"): _SHARE,
    ("nameless", "weight_of_belief"): (lambda value: _is_number(value) and value > 0, "write a number above 0"),
    ("probability", "link"): _PROBABILITY,
    ("probability", "link_in_one_home"): _PROBABILITY,
    ("probability", "near_miss"): _PROBABILITY,
    ("relatives", "same_given_name"): _PROBABILITY,
    ("relatives", "same_birth_date"): _PROBABILITY,
    ("blocking", "pairs_per_record"): _COUNT,
    ("blocking", "least_pairs"): _COUNT,
    ("blocking", "most_records_per_key"): _COUNT,
    ("learning", "least_records"): _COUNT,
    ("learning", "always_below_records"): _COUNT,
    ("learning", "most_changed_share"): _SHARE,
    ("suspicious", "records_per_customer"): _COUNT,
    ("repeats", "most_share"): _SHARE,
    **{
        ("name_suffixes", generation): (_are_words, "write it as [first, second], words in lower case")
        for generation in ("first", "second", "third", "fourth")
    },
}
