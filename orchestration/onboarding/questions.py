"""What only a person knows: options of the command line, answers on the terminal, or nothing, which becomes a TODO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orchestration.onboarding.found import Column, Question

_LIKELY_REGIONS = ("NL", "DE", "BE", "FR", "ES", "PT", "GB", "US", "AT", "CH", "IT", "BR", "PL", "SE", "DK", "IE")
_CLEAR = 0.9  # so many numbers must be valid in one country, and the runner-up must be far behind


@dataclass
class Answers:
    """Answers of one call. ask: puts a question on the terminal and returns a value, or '' for none; None without one.

    country, currency, zone: of the whole system, from options. phones: samples of numbers per `stream.column`, for the
    country that they are valid in; never printed.
    """

    ask: Callable[[Question], str] | None = None
    country: str = ""
    currency: str = ""
    zone: str = ""
    phones: dict[str, list[str]] = field(default_factory=dict)
    open: list[Question] = field(default_factory=list)
    _given: dict[str, str] = field(default_factory=dict)

    def choose(self, question: Question) -> str:
        """The answer to a question; '' where there is none, and the question stays open."""
        if question.key not in self._given:
            answer = self.ask(question) if self.ask else ""
            self._given[question.key] = answer
            if not answer:
                self.open.append(question)
        return self._given[question.key]

    def time_zone(self, stream: str, column: str) -> str:
        """The zone of local times of the system; '' if unknown. One question for all columns."""
        if self.zone:
            return self.zone
        text = f"{stream}: {column} has no offset. On which clocks is it (IANA name such as Europe/Amsterdam, or UTC)?"
        self.zone = self.choose(Question("time_zone", text))
        return self.zone

    def currency_of(self, stream: str) -> str:
        """The currency of amounts that come without one; '' if unknown."""
        if not self.currency:
            self.currency = self.choose(
                Question("currency", f"{stream}: which currency are the amounts in (ISO 4217, such as EUR)?")
            ).upper()
        return self.currency

    def country_of(self, stream: str, column: Column) -> tuple[str, str] | None:
        """(country of phone numbers without +, why); None if unknown."""
        if self.country:
            return self.country, f"numbers without + are of {self.country}, as stated"
        numbers = self.phones.get(f"{stream}.{column.name}", [])
        if not numbers:
            return "ZZ", "every number begins with + or 00; TODO write a country if others come"
        found = _regions(numbers)
        if found and found[0][1] >= _CLEAR and (len(found) == 1 or found[1][1] <= found[0][1] / 2):
            region, share = found[0]
            return region, f"{share:.0%} of {len(numbers):,} numbers without + are valid in {region}"
        likely = ", ".join(f"{region} {share:.0%}" for region, share in found[:3]) or "none"
        text = f"{stream}: {column.name} has numbers without +. Of which country are they (valid in: {likely})?"
        self.country = self.choose(Question("country", text)).upper()
        return (self.country, f"numbers without + are of {self.country}, as stated") if self.country else None


def _regions(numbers: Iterable[str]) -> list[tuple[str, float]]:
    """(country, share of these numbers that are valid there), likeliest first."""
    import phonenumbers

    numbers = list(numbers)
    counts: Counter[str] = Counter()
    for number in numbers:
        for region in _LIKELY_REGIONS:
            try:
                if phonenumbers.is_valid_number_for_region(phonenumbers.parse(number, region), region):
                    counts[region] += 1
            except phonenumbers.NumberParseException:
                break
    return [(region, count / len(numbers)) for region, count in counts.most_common() if numbers]
