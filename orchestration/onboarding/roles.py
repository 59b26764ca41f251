"""What each column is: by its name in six languages, its type and its content. Where they differ, a person confirms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestration.onboarding.found import Column, Profile, Role
from orchestration.onboarding.words import phrases, plain, words

ATTRIBUTES = frozenset(
    ("email", "phone", "given_name", "family_name", "full_name", "birth_date", "gender", "street", "house_number")
    + ("postal_code", "city", "region", "country", "occupation", "income", "national_id")
)
PERSONAL = (ATTRIBUTES - {"gender", "city", "region", "country", "occupation"}) | {
    "loyalty_number", "verbatim", "latitude", "longitude",
}  # fmt: skip
MOMENTS = frozenset(("updated_at", "created_at", "started_at", "ended_at", "due_at", "happened_at"))
AMOUNTS = frozenset(
    ("net_amount", "gross_amount", "tax_amount", "unit_price", "discount_amount", "coupon_discount", "cost_amount")
    + ("manufacturer_discount", "shipping_amount", "tip_amount", "income")
)
_NUMBERED = frozenset(
    ("customer_id", "order_id", "product_id", "location_id", "line_id", "device_id", "session_id", "loyalty_number")
)
_IDENTIFIERS = (*_NUMBERED, "campaign_id", "coupon_code", "conversation_id", "national_id")
_DATES = ("iso_date", "compact_date", "iso_moment", "zoned_moment", "written_date", "written_moment")
_EPOCHS = ("epoch_seconds", "epoch_milliseconds")
_NUMBER_TYPES = ("DECIMAL", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "HUGEINT", "SMALLINT")


def role_by_name(column: str) -> tuple[str, str] | None:
    """(role, the phrase that shows it) of a column's name; None if its words are unknown."""
    named = tuple(plain(column).split("_"))
    best: tuple[int, int, str, str] | None = None
    for phrase, role in phrases().items():
        for start in range(len(named) - len(phrase) + 1):
            if named[start : start + len(phrase)] == phrase and _may_be(role, phrase, named, start):
                # The longest phrase; between equals the last one: `store_city` is a city.
                rank = (len(phrase), start, role, " ".join(phrase))
                if best is None or rank[:2] > best[:2]:
                    best = rank
    return (best[2], best[3]) if best else None


def _may_be(role: str, phrase: tuple[str, ...], named: tuple[str, ...], start: int) -> bool:
    """`review_id` is no text, and `customer_satisfaction` names no customer."""
    numbers = words("number_words")
    if role in _NUMBERED:
        rest = named[:start] + named[start + len(phrase) :]
        is_number = bool(numbers & set(phrase)) or len(phrase) > 1
        return is_number or all(word in numbers or word.isdigit() for word in rest)
    if role in AMOUNTS and set(named[start + len(phrase) :]) & words("measure_words"):
        return False
    return named[-1] not in numbers or named[-1] in phrase


def is_date(column: Column) -> bool:
    """Whether nearly all values are dates or moments."""
    if not column.is_text:
        return column.type.startswith(("DATE", "TIMESTAMP"))
    # The forms exclude each other: a value is of one of them.
    return sum(column.share(form) for form in _DATES) >= 0.9


def is_number(column: Column) -> bool:
    """Whether nearly all values are numbers, in whatever style."""
    if not column.is_text:
        return column.type.startswith(_NUMBER_TYPES)
    with_signs = max(column.share("money_symbol"), column.share("thousands_comma")) + column.share("point_number")
    return max(column.share("comma_number"), with_signs) >= 0.9


def is_flag(column: Column) -> bool:
    """Whether the values are yes and no, in one of the languages, or a boolean."""
    known = words("yes_words") | words("no_words")
    return column.type == "BOOLEAN" or (bool(column.words) and {plain(word) for word in column.words} <= known)


def _is_text(column: Column) -> bool:
    return column.is_text and not is_date(column) and not is_number(column)


def _is_identifier(column: Column) -> bool:
    return not is_date(column) and not column.type.startswith(("DOUBLE", "DECIMAL", "FLOAT", "BOOLEAN"))


def _is_moment(column: Column) -> bool:
    return is_date(column) or max(column.share(form) for form in _EPOCHS) >= 0.9


def _is_word(column: Column) -> bool:
    return column.share("word") >= 0.8


# Role -> what the content must be; a role that is not here takes any text.
_CONTENT: Mapping[str, Callable[[Column], bool]] = {
    "email": lambda column: column.share("email") >= 0.6,
    "phone": lambda column: column.share("phone_like") + column.share("integer") >= 0.6 and not is_date(column),
    "full_name": lambda column: column.share("two_words") >= 0.6,
    "birth_date": is_date,
    "gender": lambda column: 0 < column.distinct <= 8,
    "street": lambda column: column.share("street") >= 0.2 or column.share("word") >= 0.5,
    "currency": lambda column: column.share("currency_code") >= 0.9 and column.distinct <= 50,
    "consent_flag": is_flag,
    **dict.fromkeys(("given_name", "family_name", "city", "region", "country"), _is_word),
    **dict.fromkeys(("quantity", "score", "duration_seconds", "loyalty_points", "latitude", "longitude"), is_number),
    **dict.fromkeys(("url", "outcome", "status", "verbatim", "product_title"), _is_text),
    **dict.fromkeys(AMOUNTS, is_number),
    **dict.fromkeys(MOMENTS, _is_moment),
    **dict.fromkeys(_IDENTIFIERS, _is_identifier),
}


def roles_of(profile: Profile) -> dict[str, Role]:
    """Column -> role, of the columns whose role name or content shows. A role that one column has, no other gets."""
    found: dict[str, Role] = {}
    for column in profile.columns:
        role = _role_of(column)
        if role:
            found[column.name] = role
    _keep_one_of_each(found, profile)
    return found


def _role_of(column: Column) -> Role | None:
    if not column.filled:
        return None
    if column.is_text and column.share("email") >= 0.8:
        return Role("email", f"{_percent(column.share('email'))} have the form of an e-mail address")
    named = role_by_name(column.name)
    if named is None:
        return _role_by_content(column)
    role, phrase = named
    fits = _CONTENT.get(role, lambda _: True)
    if fits(column):
        return Role(role, f"named `{phrase}`, {_looks(column, role)}")
    if role == "full_name" and _is_text(column):
        return Role("label", f"named `{phrase}`")  # of a thing, not of a person
    return _role_by_content(column)


def _role_by_content(column: Column) -> Role | None:
    """The role of a column that its name does not show; a person confirms it."""
    # Eight digits may be a number of anything.
    if is_date(column) and column.distinct > 1 and column.share("compact_date") < 0.5:
        return Role("happened_at", f"{_looks(column, 'happened_at')}; the name does not say of what", is_sure=False)
    return None


def _looks(column: Column, role: str) -> str:
    if role in MOMENTS | {"birth_date"}:
        return f"{column.lowest} to {column.highest}" if column.lowest else f"{column.distinct:,} moments"
    if role in AMOUNTS or role == "quantity":
        return "numbers" if role == "income" else f"{column.lowest} to {column.highest}"
    if role in {"customer_id", "order_id", "product_id", "location_id"}:
        return f"{column.distinct:,} values in {column.filled:,} rows"
    if role == "email":
        return f"{_percent(column.share('email'))} have the form of an e-mail address"
    return f"{column.filled:,} of {column.rows:,} filled"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace(".0%", "%")


def _keep_one_of_each(found: dict[str, Role], profile: Profile) -> None:
    """Of several columns with one role, the likeliest keeps it: the others are read, and contribute to nothing."""
    many = {"due_at", "status", "interaction_kind", "verbatim", "url"}
    for role in {each.name for each in found.values()} - many:
        names = [name for name, each in found.items() if each.name == role]
        if len(names) < 2:
            continue
        best = max(names, key=lambda name: _fitness(profile, name))
        for name in names:
            if name == best:
                others = ", ".join(other for other in names if other != best)
                found[name] = Role(role, f"{found[name].evidence}; TODO not {others}?", is_sure=False)
            else:
                found[name] = Role(f"another_{role}", f"like {best}", is_sure=False)


def _fitness(profile: Profile, name: str) -> tuple[float, ...]:
    """A total before a price; a name that says nothing else before others; then the fuller column."""
    column, named = profile.column(name), role_by_name(name)
    parts = plain(name).split("_")
    is_total = bool({"total", "net", "totaal", "gesamtbetrag", "montant"} & set(parts))
    is_whole = named is not None and len(named[1].split()) == len(parts)
    return float(is_total), float(is_whole), column.filled / max(column.rows, 1)
