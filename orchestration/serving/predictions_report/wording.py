"""How the report on predictions writes figures, dates and names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from orchestration.serving.report_page import Row

_DECISIONS = {
    "first": "first model", "replaced": "a new model was adopted", "kept": "the present model stays",
    "abstains": "the base rate is used",
}  # fmt: skip
_METHOD_TITLES = {"doubly_robust": "doubly robust", "snips": "self-normalised weights", "ips": "inverse weights"}


def amount(value: float) -> str:
    """An amount of money with three significant digits."""
    if abs(value) >= 999_500:
        return f"{value / 1e6:,.3g} million"
    return f"{float(f'{value:.3g}'):,.0f}"


def number(value: float | None) -> str:
    """An expected count: whole from ten on, else with one decimal; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 9.95 else f"{value:.1f}"


def rate(share: float | None) -> str:
    """A share from 0 to 1 as percent, with a decimal below ten percent; a dash where there is none."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "<\N{NO-BREAK SPACE}0.1\N{NO-BREAK SPACE}%"
    written = f"{100 * share:.{1 if 0 < abs(share) < 0.0995 else 0}f}\N{NO-BREAK SPACE}%"
    return written.replace("-", "−")


def points(difference: float | None, *, sign: bool = True) -> str:
    """A difference of shares in percentage points, with or without its sign; a dash where there is none."""
    if difference is None:
        return "–"
    return f"{100 * difference:+.1f}".replace("-", "−") if sign else f"{100 * difference:.1f}"


def off(forecast: Row) -> str:
    """The error of a forecast in words."""
    expected, made = forecast["expected_purchases"], forecast["made_purchases"]
    if not made:
        return "nothing was bought" if expected else "nothing was expected"
    share = round(100 * (expected / made - 1))
    if not share:
        return "within one percent"
    return f"{abs(share)}\N{NO-BREAK SPACE}% too {'high' if share > 0 else 'low'}"


def day(moment: date | None) -> str:
    """A day in full; a dash where there is none."""
    return f"{moment.day} {moment:%B %Y}" if moment else "–"


def month(moment: date | None) -> str:
    """A month in full; a dash where there is none."""
    return f"{moment:%B %Y}" if moment else "–"


def short_day(moment: date | None) -> str:
    """A day for a table; a dash where there is none."""
    return f"{moment.day} {moment:%b %Y}" if moment else "–"


def short_month(moment: date) -> str:
    """A month for a table."""
    return f"{moment:%b %Y}"


def _decision(name: str | None) -> str:
    return _DECISIONS.get(name, name) if name else "not trained yet"


def _method(name: str) -> str:
    return _METHOD_TITLES.get(name, name.replace("_", " "))


def _words(names: str | None) -> str:
    """Names of columns as words."""
    return (names or "").replace("_", " ")


# Filters of the template.
FILTERS: dict[str, Callable[..., str]] = {
    "amount": amount, "number": number, "rate": rate, "points": points, "day": day, "month": month, "off": off,
    "short_day": short_day, "short_month": short_month, "decision": _decision, "method": _method, "words": _words,
}  # fmt: skip
