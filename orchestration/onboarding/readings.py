"""Which macro of the package reads a column, and what a person must say where the values allow two readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.onboarding.found import Column, Question, Role
from orchestration.onboarding.questions import Answers
from orchestration.onboarding.roles import AMOUNTS, MOMENTS, is_date, is_flag, is_number
from orchestration.onboarding.words import plain, words

_NUMBERS = AMOUNTS | {"quantity", "score", "duration_seconds", "loyalty_points", "latitude", "longitude"}
_RENAMED = frozenset(("street", "house_number", "city", "region", "country", "occupation", "national_id"))
_KINDS = {"duration_seconds": "bigint", "loyalty_points": "bigint", "latitude": "double", "longitude": "double"}
_NUMBER_MACROS = {
    "point": ("money_from_text", "number_from_text"),
    "comma": ("money_from_comma_text", "decimal_from_comma_text"),
}
DAY_FIRST, MONTH_FIRST = "day_first", "month_first"
DECIMALS, THOUSANDS = "decimals", "thousands"
_MOSTLY = 0.9  # so much of a column must have one form; the rest waits in quarantine, and is counted


@dataclass(frozen=True)
class Line:
    """One column of a base model. sql: a Jinja expression or SQL; raw: whether raw_<name> keeps the text beside it."""

    name: str
    sql: str
    kind: str = "text"  # text, date, timestamp, number or boolean
    raw: str = ""  # SQL of the text, for columns that judged_rows lists under `parsed`
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The lines that read one landed column. source: the landed column."""

    source: str
    lines: tuple[Line, ...]
    role: Role | None = None
    questions: tuple[Question, ...] = field(default=())


def reading_of(column: Column, role: Role | None, answers: Answers, stream: str, has_parts_of_name: bool) -> Reading:
    """How the base model reads a column. has_parts_of_name: given and family name are columns of their own."""
    name = role.name if role else ""
    evidence = (role.evidence + ("" if role.is_sure else " TODO confirm"),) if role else ()
    clean = _macro("clean_text", column.name)
    if name == "email":
        lines = [
            Line("email_original", clean),
            Line("email", _macro("comparable_email", column.name), comments=evidence),
        ]
    elif name == "phone":
        lines = _phone(column, answers, stream, evidence)
    elif name in ("given_name", "family_name"):
        lines = [Line(name, _macro("clean_name", column.name), comments=evidence)]
    elif name == "full_name":
        whole = Line("full_name", _macro("clean_name", column.name), comments=evidence)
        parts = [Line(f"{part}_name", _macro(f"{part}_name_of", column.name)) for part in ("given", "family")]
        lines = [whole] if has_parts_of_name else [*parts[:1], Line("family_name", parts[1].sql, comments=evidence)]
    elif name == "postal_code":
        lines = [Line("postal_code", _macro("comparable_postal_code", column.name), comments=evidence)]
    elif name in ("gender", "currency"):
        lines = [Line(name, f"{'lower' if name == 'gender' else 'upper'}({clean})", comments=evidence)]
    elif name in MOMENTS or name == "birth_date" or (is_date(column) and not column.share("compact_date")):
        lines = [_moment(column, name, answers, stream, evidence)]
    elif name == "consent_flag" or (is_flag(column) and not name):
        lines = [_flag(column, evidence)]
    elif name.removeprefix("another_") in _NUMBERS and is_number(column):
        lines = [_number(column, name, answers, stream, evidence)]
    else:
        lines = [Line(name if name in _RENAMED else column.name, clean, comments=evidence)]
    return Reading(column.name, tuple(lines), role)


def _macro(name: str, column: str, *arguments: str) -> str:
    return "{{ context360." + name + "(" + ", ".join((f"'{column}'", *arguments)) + ") }}"


def _reading_macro(name: str, expression: str, *arguments: str) -> str:
    """A macro on an expression, in double quotes because the expression holds single ones."""
    return "{{ context360." + name + "(" + ", ".join((f'"{expression}"', *arguments)) + ") }}"


def undecided(column: str, what: str) -> str:
    """An expression that stops a run until a person has decided: no figure comes of a guess."""
    return "{{ context360.undecided('" + column + "', '" + what.replace("'", "") + "') }}"


# --- Phone numbers


def _phone(column: Column, answers: Answers, stream: str, evidence: tuple[str, ...]) -> list[Line]:
    raw = Line(f"{_stem(column.name, 'phone')}_original", _macro("clean_text", column.name))
    country = answers.country_of(stream, column)
    if country is None:
        sql = undecided(column.name, "comparable_phone with the country of numbers without +")
        return [raw, Line("phone", sql, comments=(*evidence, "TODO the country of numbers without + or 00"))]
    code, why = country
    return [raw, Line("phone", _macro("comparable_phone", column.name, f"\"'{code}'\""), comments=(*evidence, why))]


def _stem(name: str, fallback: str) -> str:
    return fallback if name == "" else name


# --- Dates and moments


def _moment(column: Column, role: str, answers: Answers, stream: str, evidence: tuple[str, ...]) -> Line:
    name = column.name if role != "birth_date" else "birth_date"
    if not column.is_text and column.type.startswith(("DATE", "TIMESTAMP")):
        return _typed_moment(column, name, answers, stream, evidence)
    raw = _macro("clean_text", column.name)
    for unit in ("seconds", "milliseconds"):
        if column.share(f"epoch_{unit}") >= _MOSTLY and not column.share("compact_date") >= _MOSTLY:
            argument = () if unit == "seconds" else ("'milliseconds'",)
            why = f"{unit} since 1970"
            sql = _macro("timestamp_from_epoch_text", column.name, *argument)
            return Line(name, sql, "timestamp", raw, (*evidence, why))
    if column.share("iso_date") + column.share("compact_date") >= _MOSTLY:
        why = _unread(column, "iso_date", "compact_date")
        return Line(
            name, _macro("date_from_iso_text", column.name), "date", raw, (*evidence, "dates of ISO 8601" + why)
        )
    iso = column.share("iso_moment") + column.share("zoned_moment") + column.share("iso_date")
    if iso >= _MOSTLY:
        return _iso_moment(column, name, raw, answers, stream, evidence)
    return _written(column, name, raw, answers, stream, evidence)


def _typed_moment(column: Column, name: str, answers: Answers, stream: str, evidence: tuple[str, ...]) -> Line:
    if column.type == "DATE":
        return Line(name, f"{{{{ context360.quoted('{column.name}') }}}}", "date", comments=evidence)
    if column.type == "TIMESTAMP WITH TIME ZONE":
        return Line(name, _macro("utc_from_zoned", column.name), "timestamp", comments=evidence)
    zone = "every time is 00:00" if column.share("midnight") >= _MOSTLY else _zone(column, answers, stream)[1]
    sql = f"{{{{ context360.quoted('{column.name}') }}}}"
    if not zone.startswith("local"):
        return Line(name, sql, "timestamp", comments=(*evidence, zone))
    # An hour that the begin of summer time skips cannot be read: such rows wait in quarantine.
    raw = _macro("clean_text", column.name)
    return Line(name, _macro("utc_from_local_text", column.name), "timestamp", raw, (*evidence, zone))


def _iso_moment(column: Column, name: str, raw: str, answers: Answers, stream: str, evidence: tuple[str, ...]) -> Line:
    why = _unread(column, "iso_moment", "zoned_moment", "iso_date")
    utc = _macro("timestamp_from_utc_text", column.name)
    if column.share("zoned_moment") >= _MOSTLY:
        return Line(name, utc, "timestamp", raw, (*evidence, "with an offset to UTC, or Z" + why))
    if column.share("midnight") + column.share("iso_date") >= 0.99:
        return Line(name, utc, "timestamp", raw, (*evidence, "every time is 00:00: days" + why))
    if column.share("zoned_moment"):
        return Line(name, utc, "timestamp", raw, (*evidence, "some with an offset; TODO the others count as UTC" + why))
    is_local, zone = _zone(column, answers, stream)
    sql = _macro("utc_from_local_text", column.name) if is_local else utc
    return Line(name, sql, "timestamp", raw, (*evidence, zone + why))


def _zone(column: Column, answers: Answers, stream: str) -> tuple[bool, str]:
    """Whether the clock is local, and the comment that says so."""
    zone = answers.time_zone(stream, column.name)
    if zone == "UTC":
        return False, "UTC, as stated"
    if zone:
        return True, f"local time of {zone}, as stated (time_zone in the catalog)"
    return True, "local time? TODO write time_zone in the catalog, or timestamp_from_utc_text for UTC"


def _written(column: Column, name: str, raw: str, answers: Answers, stream: str, evidence: tuple[str, ...]) -> Line:
    """Dates in another order than year, month, day."""
    day, month = column.forms.get("first_over_12", 0), column.forms.get("second_over_12", 0)
    has_time = column.share("written_moment") >= 0.5
    is_slashed = column.share("slashed") >= _MOSTLY
    order, why = "", ""
    if day and not month:
        order, why = DAY_FIRST, f"{day:,} values have a first part above 12: the day"
    elif month and not day:
        order, why = MONTH_FIRST, f"{month:,} values have a second part above 12: the day"
    elif not day and not month and "." in column.example:
        order, why = DAY_FIRST, "with points between: the day comes first"
    elif not day and not month:
        order = answers.choose(_order_question(stream, column))
        why = f"{order.replace('_', ' ')}, as stated"
    if not order or (order == MONTH_FIRST and not is_slashed):
        what = "day or month first: date_from_day_first_text or date_from_us_text"
        note = f"TODO {day:,} values have a first and {month:,} a second part above 12: which is the day?"
        return Line(name, undecided(column.name, what), "date", raw, (*evidence, note))
    why += _unread(column, "written_date", "written_moment", "iso_date", "iso_moment")
    if not has_time or column.share("midnight") >= 0.99:
        return _written_day(column, name, raw, order, has_time, (*evidence, why))
    if order == MONTH_FIRST:
        note = "TODO its clock counts as UTC"
        return Line(name, _macro("timestamp_from_us_text", column.name), "timestamp", raw, (*evidence, why, note))
    zone = _zone(column, answers, stream)[1]
    sql = _macro("utc_from_local_text", column.name)
    if is_slashed:
        sql = _reading_macro("utc_from_local_text", f"replace({column.name}, '/', '-')")
    return Line(name, sql, "timestamp", raw, (*evidence, why, zone))


def _written_day(column: Column, name: str, raw: str, order: str, has_time: bool, comments: tuple[str, ...]) -> Line:
    macro = "date_from_day_first_text" if order == DAY_FIRST else "date_from_us_text"
    if not has_time:
        return Line(name, _macro(macro, column.name), "date", raw, comments)
    sql = _reading_macro(macro, f"split_part({column.name}, ' ', 1)")
    return Line(name, sql, "date", raw, (*comments, "every time is 0:00"))


def _order_question(stream: str, column: Column) -> Question:
    return Question(
        f"{stream}.{column.name}",
        f"{stream}: {column.name} has no part above 12 ({column.example}). Which comes first?",
        {DAY_FIRST: "day, then month", MONTH_FIRST: "month, then day"},
    )


# --- Numbers and flags


def _number(column: Column, role: str, answers: Answers, stream: str, evidence: tuple[str, ...]) -> Line:
    is_money = role.removeprefix("another_") in AMOUNTS
    name = column.name if not is_money or column.name.endswith("_amount") else f"{column.name}_amount"
    kind = _KINDS.get(role, "decimal(18, 6)")
    if not column.is_text:
        return Line(name, f"cast({{{{ context360.quoted('{column.name}') }}}} as {kind})", "number", comments=evidence)
    raw = _macro("clean_text", column.name)
    sql, why = _number_style(column, kind, is_money, answers, stream)
    return Line(name, sql, "number", raw, (*evidence, *([why] if why else [])))


def _number_style(column: Column, kind: str, is_money: bool, answers: Answers, stream: str) -> tuple[str, str]:
    """(SQL, why) by the signs between the digits."""

    def reader(sign: str, expression: str = "") -> str:
        money, number = _NUMBER_MACROS[sign]
        macro = money if is_money else number
        arguments = () if is_money else (f"'{kind}'",)
        return _reading_macro(macro, expression, *arguments) if expression else _macro(macro, column.name, *arguments)

    without_commas = f"replace({column.name}, ',', '')"
    points, commas = column.forms.get("has_point", 0), column.forms.get("has_comma", 0)
    if column.share("money_symbol") >= 0.01:
        digits = f"regexp_replace({column.name}, '[^0-9.,+-]', '', 'g')"
        if commas > points:
            return reader("comma", digits), "with a currency sign; TODO the comma counts as decimal"
        return reader("point", f"replace({digits}, ',', '')"), "with a currency sign; TODO commas count as thousands"
    if not points and not commas:
        return reader("point"), _unread(column, "point_number").removeprefix("; ")
    if points and commas:
        if column.share("comma_number") >= _MOSTLY:
            return reader("comma"), "a decimal comma, points between thousands" + _unread(column, "comma_number")
        return reader("point", without_commas), "a decimal point, commas between thousands"
    sign = "point" if points else "comma"
    if column.forms.get(f"three_after_{sign}", 0) < (points or commas):
        return reader(sign), f"a decimal {sign}" + _unread(column, f"{sign}_number")
    choice = answers.choose(_decimal_question(stream, column))
    if not choice:
        what = f"money_from_text or money_from_comma_text: three digits always follow the {sign}"
        return undecided(column.name, what), f"TODO always three digits after the {sign}: decimals or thousands?"
    if choice == DECIMALS:
        return reader(sign), "decimals, as stated"
    return reader("comma") if points else reader("point", without_commas), "thousands, as stated"


def _decimal_question(stream: str, column: Column) -> Question:
    return Question(
        f"{stream}.{column.name}",
        f"{stream}: {column.name} always has three digits after its sign ({column.example}). What are they?",
        {DECIMALS: "decimals: a thousandth", THOUSANDS: "thousands: the sign separates groups"},
    )


def _flag(column: Column, evidence: tuple[str, ...]) -> Line:
    if column.type == "BOOLEAN":
        return Line(column.name, f"{{{{ context360.quoted('{column.name}') }}}}", "boolean", comments=evidence)
    raw = _macro("clean_text", column.name)
    if column.words <= {"yes", "no"}:
        return Line(column.name, _macro("boolean_from_yes_no", column.name), "boolean", raw, evidence)
    if column.words <= {"0", "1"}:
        return Line(column.name, _macro("boolean_from_digit", column.name), "boolean", raw, evidence)
    yes = words("yes_words")
    cases = " ".join(f"when '{word}' then {str(plain(word) in yes).lower()}" for word in sorted(column.words))
    return Line(column.name, f"case lower({raw}) {cases} end", "boolean", raw, evidence)


def _unread(column: Column, *forms: str) -> str:
    """`; TODO 12 of 5,000 values have another form` where some have."""
    rest = column.filled - sum(column.forms.get(form, 0) for form in forms)
    return f"; TODO {rest:,} of {column.filled:,} values have another form and go to quarantine" if rest > 0 else ""


def output_names(readings: Mapping[str, Reading]) -> set[str]:
    """The names of all lines."""
    return {line.name for reading in readings.values() for line in reading.lines}
