"""The configuration of the linking: rules.yml as typed values. Nothing in here computes anything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import yaml

RULES_FILE = Path(__file__).with_name("rules.yml")
SHARING = ("one_person", "may_be_shared", "may_change_hands")


@dataclass(frozen=True)
class Rule:
    """One identifier, how it behaves, and why."""

    identifier: str
    sharing: str
    reason: str


@dataclass(frozen=True)
class Rules:
    """Everything that rules.yml says; each field is explained there."""

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
        """The identifiers that behave so."""
        return [rule.identifier for rule in self.rules if rule.sharing in sharing]


def _bits(probability: float) -> float:
    return math.log2(probability / (1 - probability))


def read_rules(file: Path = RULES_FILE) -> Rules:
    """Reads a rules file; what it leaves out is taken from the bundled one.

    Raises ValueError where a rule has no identifier, no reason, or an unknown sharing behaviour.
    """
    content = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))
    for section, values in (yaml.safe_load(Path(file).read_text(encoding="utf-8")) or {}).items():
        content[section] = content[section] | values if isinstance(content.get(section), dict) else values
    rules = []
    for entry in content["rules"]:
        sharing = entry.get("sharing", "may_be_shared")
        if not entry.get("identifier") or not entry.get("reason") or sharing not in SHARING:
            raise ValueError(
                f"Every rule in {Path(file).name} needs an identifier, a reason and a sharing behaviour out of "
                f"{', '.join(SHARING)}: this one has not: {entry}."
            )
        rules.append(Rule(entry["identifier"], sharing, entry["reason"]))
    return Rules(
        rules=tuple(rules),
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
        placeholders=tuple(content["placeholders"]),
        titles=tuple(content["titles"]),
    )
