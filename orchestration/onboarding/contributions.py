"""The contributions of a system to canonical streams, as select statements with the evidence of each guess."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.onboarding.facts import answer, booking, interaction, place, product
from orchestration.onboarding.plan import Identity, StreamPlan, SystemPlan, unnamed_people
from orchestration.onboarding.purchases import order_line
from orchestration.onboarding.selects import Contribution, Select, Selected, currency, timestamp, with_equal_columns

# Role of a column of people -> column of the canonical stream source_record.
_ATTRIBUTES = {
    "given_name": "given_name", "family_name": "family_name", "birth_date": "birth_date", "gender": "gender",
    "email": "email", "phone": "phone", "street": "street", "house_number": "house_number",
    "postal_code": "postal_code", "city": "city", "region": "region", "country": "country",
    "national_id": "national_id", "loyalty_number": "loyalty_number", "occupation": "occupation",
    "loyalty_tier": "loyalty_tier", "loyalty_points": "loyalty_points",
}  # fmt: skip


def contributions_of(system: SystemPlan) -> list[Contribution]:
    """All contributions of a system, by canonical stream."""
    found: dict[str, list[Select]] = {}

    def add(canonical: str, select: Select | None) -> None:
        if select is not None:
            found.setdefault(canonical, []).append(select)

    people = system.of_kind("people")
    for stream in people:
        add("source_record", _person(system, stream, several=len(people) > 1))
        add("identifier", _person_number(stream, several=len(people) > 1))
    for numbers in unnamed_people(system):
        add("source_record", _numbers_only(system, numbers))
        add("identifier", _numbers_only_identifier(system, numbers))
    for stream in system.of_kind("purchases", "lines"):
        add("order_line", order_line(system, stream))
    for stream in system.of_kind("bookings"):
        add("booking", booking(system, stream))
    for stream in system.of_kind("answers"):
        add("survey_answer", answer(system, stream))
    for stream in system.of_kind("products"):
        add("product", product(system, stream))
    for stream in system.of_kind("places"):
        add("location", place(stream))
    for stream in system.of_kind("contacts"):
        add("interaction", interaction(system, stream))
    return [Contribution(canonical, with_equal_columns(selects)) for canonical, selects in found.items()]


# --- People


def _person(system: SystemPlan, stream: StreamPlan, several: bool) -> Select:
    columns = [Selected(_record_id(stream, several), "source_record_id", stream.key.evidence)]
    for role, name in _ATTRIBUTES.items():
        output = stream.output(role)
        if role in ("given_name", "family_name") and not output and stream.output("full_name"):
            lines = {line.name for reading in stream.readings.values() for line in reading.lines}
            output = role if role in lines else ""
        if output and stream.identity and not (role == "loyalty_number" and output == stream.identity.column):
            columns.append(Selected(output, name))
    created = stream.line("created_at") or stream.line("updated_at")
    if created:
        columns.append(Selected(timestamp(created.name, created.kind), "recorded_at"))
    if stream.output("income"):
        columns.append(Selected(stream.output("income"), "annual_income_amount"))
        columns.append(currency(system, stream, "annual_income_currency"))
    comments = (
        ("TODO two streams hold people: rules in identity_rules.yml may link them by a shared number",)
        if several
        else ()
    )
    return Select(stream.name, tuple(columns), comments=comments)


def _record_id(stream: StreamPlan, several: bool) -> str:
    key = stream.base_key[0]
    return f"'{stream.name}/' || {key}" if several else key


def _person_number(stream: StreamPlan, several: bool) -> Select | None:
    if stream.identity is None:
        return None
    key = stream.base_key[0]
    columns = (
        Selected(_record_id(stream, several), "source_record_id"),
        Selected(f"'{stream.identity.kind}'", "identifier_kind", stream.identity.evidence),
        Selected(key, "identifier_value"),
    )
    return Select(stream.name, columns)


def _numbers_only(system: SystemPlan, numbers: Sequence[StreamPlan]) -> Select:
    """People that the system delivers as a number only: once for each, from all streams that have it."""
    identity = numbers[0].identity
    assert identity is not None
    columns = [Selected(_number_id(system, identity), "source_record_id", identity.evidence)]
    if identity.kind == "email":
        columns.append(Selected("identifier_value", "email"))
    columns.append(Selected("min(happened_at)", "recorded_at"))
    comment = "No stream of the system describes these people: their number is all that is known."
    return Select(
        numbers[0].name, tuple(columns), _where_unnamed(system, identity), "identifier_value", comments=(comment,),
        source=_numbers(system, numbers),
    )  # fmt: skip


def _numbers_only_identifier(system: SystemPlan, numbers: Sequence[StreamPlan]) -> Select | None:
    identity = numbers[0].identity
    if identity is None or identity.kind == "email":
        return None
    columns = (
        Selected(_number_id(system, identity), "source_record_id"),
        Selected(f"'{identity.kind}'", "identifier_kind"),
        Selected("identifier_value", "identifier_value"),
    )
    where = _where_unnamed(system, identity)
    return Select(numbers[0].name, columns, where, distinct=True, source=_numbers(system, numbers))


def _number_id(system: SystemPlan, identity: Identity) -> str:
    """Two lists of numbers may have a number in common: then the kind stands before it."""
    several = len(unnamed_people(system)) > 1 or system.of_kind("people")
    return f"'{identity.kind}/' || identifier_value" if several else "identifier_value"


def _numbers(system: SystemPlan, streams: Sequence[StreamPlan]) -> str:
    """The numbers of the people in several streams, as a subquery."""
    selects = []
    for stream in streams:
        moment = stream.moment
        assert stream.identity is not None
        happened = timestamp(moment.name, moment.kind) if moment else "cast(null as timestamp)"
        view = f"{{{{ ref('stg_{system.name}__{stream.name}') }}}}"
        selects.append(
            f"    select {stream.identity.column} as identifier_value, {happened} as happened_at\n    from {view}"
        )
    return "(\n" + "\n    union all\n".join(selects) + "\n) as numbers"


def _where_unnamed(system: SystemPlan, identity: Identity) -> str:
    """People that another stream describes are not listed twice."""
    condition = "identifier_value is not null"
    for people in system.of_kind("people"):
        if people.identity and people.identity.kind == identity.kind:
            view = f"{{{{ ref('stg_{system.name}__{people.name}') }}}}"
            condition += f"\n    and identifier_value not in (select {people.base_key[0]} from {view})"
    return condition
