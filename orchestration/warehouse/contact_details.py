"""Contact details in a standard form for comparison. Models keep the original beside it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# Languages in which country names are recognised.
_LANGUAGES = ("en", "de", "nl", "fr", "es", "it")
# The international prefix 00, which libphonenumber only reads in countries that dial it.
_INTERNATIONAL_PREFIX = re.compile(r"^\s*00\s*(?=[1-9])")
# What a program makes of a number that it keeps as a float: its digits are lost, or followed by a zero.
_EXPONENT = re.compile(r"^\s*[+-]?\d+(?:[.,]\d+)?e[+-]?\d+\s*$", re.IGNORECASE)
_DECIMAL_ZERO = re.compile(r"(?<=\d)\.0+\s*$")
_SPELLINGS_KEPT = 200_000


@lru_cache(maxsize=1_000)
def country_code(country: str | None) -> str | None:
    """The country (ISO 3166-1 alpha-2) that a text names: `nl`, `Nederland`, `The Netherlands`; None if unknown.

    Two letters count as a code. Names are those of the Unicode CLDR in six languages.
    """
    text = (country or "").strip().casefold().removeprefix("the ").strip()
    if len(text) == 2 and text.isascii() and text.isalpha():
        return text.upper()
    return _names_of_countries().get(text)


@lru_cache(maxsize=1)
def _names_of_countries() -> dict[str, str]:
    from babel import Locale

    names: dict[str, str] = {"usa": "US", "uk": "GB", "holland": "NL"}
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2:
                names.setdefault(name.casefold().removeprefix("the "), code)
    return names


@lru_cache(maxsize=_SPELLINGS_KEPT)
def e164(phone: str | None, country: str | None = None) -> str | None:
    """A phone number in E.164 (`+31612345678`), without its extension; None if the text is not a possible number.

    country: code or name of its country; required if the number does not begin with + or 00.
    The rules of numbering are those of Google's libphonenumber, through the package phonenumbers.
    """
    import phonenumbers

    if not phone or _EXPONENT.match(phone):
        return None
    text = _INTERNATIONAL_PREFIX.sub("+", _DECIMAL_ZERO.sub("", phone.removeprefix("tel:")))
    try:
        number = phonenumbers.parse(text, country_code(country))
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    number.extension = None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def e164_column(phones: pa.ChunkedArray | pa.Array, countries: pa.ChunkedArray | pa.Array) -> pa.Array:
    """`e164` of two text columns of equal length; `e164` caches, so that each distinct spelling is parsed once."""
    import pyarrow as pa

    return pa.array(
        [e164(phone, country) for phone, country in zip(phones.to_pylist(), countries.to_pylist(), strict=True)],
        pa.string(),
    )
