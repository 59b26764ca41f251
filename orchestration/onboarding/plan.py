"""What the streams of a system contribute to: from roles, keys and tests across streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestration.onboarding.found import Column, FoundSystem, Key, Profile, Question, Role
from orchestration.onboarding.keys import PLACE, key_of
from orchestration.onboarding.questions import Answers
from orchestration.onboarding.readings import Line, Reading, reading_of, undecided
from orchestration.onboarding.roles import ATTRIBUTES, PERSONAL, roles_of
from orchestration.onboarding.words import reserved_words

if TYPE_CHECKING:
    import duckdb

# What makes a stream one of people, beside a key of its own.
_DESCRIBING = frozenset(
    ["email", "phone", "given_name", "family_name", "full_name", "birth_date", "street", "national_id"]
)
_SAME_LIST = 0.5  # so many numbers of one stream are those of another: they are of one list
_DESCRIBED = 0.9  # so many numbers have a record of people; the others are typing errors or late
_MOMENTS_OF_FACTS = ("happened_at", "started_at", "created_at")
_NUMBERS_OF_PEOPLE = ("customer_id", "loyalty_number", "email", "phone", "device_id")


@dataclass(frozen=True)
class Identity:
    """How a row names its person. kind: the identifier kind; column: of the staging view.

    is_described: a stream of people has nearly all of these numbers.
    """

    kind: str
    column: str
    evidence: str
    is_described: bool = False


@dataclass
class StreamPlan:
    """One stream: how it is read, and what it is. kind: people, purchases, bookings, answers, contacts, products,
    places, lines (of orders whose head is another stream), heads, or unknown."""

    profile: Profile
    roles: Mapping[str, Role]
    key: Key
    readings: Mapping[str, Reading]
    kind: str = "unknown"
    identity: Identity | None = None
    base_key: tuple[str, ...] = ()
    extra_lines: list[Line] = field(default_factory=list)
    version: str = ""
    head: str = ""  # of lines: the stream with the moment and the person of their orders
    todos: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.profile.stream.name

    def landed(self, role: str) -> Column | None:
        """The landed column that has a role."""
        name = next((name for name, each in self.roles.items() if each.name == role), None)
        return self.profile.column(name) if name else None

    def line(self, role: str) -> Line | None:
        """The line of the base model that a role is read into: the last one, after originals."""
        name = next((name for name, each in self.roles.items() if each.name == role), None)
        return self.readings[name].lines[-1] if name else None

    def output(self, role: str) -> str:
        """The name of that line; '' without the role."""
        line = self.line(role)
        return line.name if line else ""

    @property
    def moment(self) -> Line | None:
        """When the row came to be."""
        return next((line for role in _MOMENTS_OF_FACTS if (line := self.line(role))), None)

    @property
    def personal(self) -> set[str]:
        """Landed columns with personal data."""
        named = {name for name, role in self.roles.items() if role.name.removeprefix("another_") in PERSONAL}
        return named | {column.name for column in self.profile.columns if column.share("email") >= 0.1}


@dataclass(frozen=True)
class SystemPlan:
    """All streams of a system, ready to be written."""

    name: str
    found: FoundSystem
    streams: tuple[StreamPlan, ...]
    answers: Answers

    def of_kind(self, *kinds: str) -> list[StreamPlan]:
        """The streams of these kinds."""
        return [stream for stream in self.streams if stream.kind in kinds]


def plan_of(
    connection: duckdb.DuckDBPyConnection, name: str, found: FoundSystem, profiles: Sequence[Profile], answers: Answers
) -> SystemPlan:
    """Plans a system from the profiles of its streams. connection: holds their rows."""
    streams = []
    for profile in profiles:
        roles = roles_of(profile)
        key = key_of(connection, profile, roles)
        _sample_phones(connection, profile, roles, answers)
        streams.append(_stream_plan(profile, roles, key, answers))
    for stream in streams:
        stream.kind = _kind_of(stream)
    _join_heads_and_lines(connection, streams)
    _name_people(connection, name, streams)
    return SystemPlan(name, found, tuple(streams), answers)


def _stream_plan(profile: Profile, roles: Mapping[str, Role], key: Key, answers: Answers) -> StreamPlan:
    named = {role.name for role in roles.values()}
    has_parts = bool(named & {"given_name", "family_name"})
    readings = {
        column.name: reading_of(column, roles.get(column.name), answers, profile.stream.name, has_parts)
        for column in profile.columns
    }
    plan = StreamPlan(profile, roles, key, _without_clashes(readings))
    plan.base_key = tuple(plan.readings[column].lines[-1].name for column in key.columns) if not key.by_place else PLACE
    order = plan.landed("order_id")
    if key.by_place and order is not None and order.distinct < order.filled:
        line = _counted_line(profile, order.name, key.equal_rows, answers)
        plan.extra_lines.append(line)
        plan.base_key = (plan.readings[order.name].lines[-1].name, "line_no")
    updated = plan.line("updated_at")
    if updated is not None:
        plan.version = updated.name
    elif key.has_versions:
        plan.version = "_source_file"
    if plan.landed("consent_flag"):
        plan.todos.append(
            f"consent: {plan.output('consent_flag')} is not contributed: for which purpose, and since when?"
        )
    if key.by_place:
        plan.todos.append(f"key: {key.evidence}; an identical row in two files counts twice")
    return plan


def _counted_line(profile: Profile, order: str, equal_rows: int, answers: Answers) -> Line:
    """The number of a line in its document. Equal lines are two lines or one line twice: a person says so."""
    sql = "{{ context360.line_number(['" + order + "']) }}"
    comments = ["rows of one number are the lines of one document, counted in the order of the file"]
    if equal_rows:
        question = Question(
            f"{profile.stream.name}.equal_rows",
            f"{profile.stream.name}: {equal_rows:,} rows are equal to another in every column. What are they?",
            {"lines": "lines of their own, as two equal articles on a receipt", "twice": "one row, delivered twice"},
        )
        answer = answers.choose(question)
        if answer == "twice":
            columns = [order, *(column.name for column in profile.columns if column.name != order)]
            sql = f"dense_rank() over (partition by {order} order by {', '.join(columns[1:])})"
            comments = ["equal rows have one number: they are one row, as stated"]
        elif not answer:
            sql = undecided("line_no", f"line_number([{order}]) if equal rows are lines of their own")
            comments.append(f"TODO {equal_rows:,} rows are equal to another: lines of their own, or one row twice?")
    return Line("line_no", sql, "number", comments=tuple(comments))


def _without_clashes(readings: dict[str, Reading]) -> dict[str, Reading]:
    """Two columns of one name would be one: the later keeps the name of its landed column."""
    taken: set[str] = set()
    found = {}
    for source, reading in readings.items():
        lines = []
        for line in reading.lines:
            free = f"{line.name}_value" if line.name in reserved_words() else line.name
            if free in taken or f"raw_{free}" in taken:
                free = source if source not in taken else f"{source}_2"
            taken.add(free)
            lines.append(Line(free, line.sql, line.kind, line.raw, line.comments))
        found[source] = Reading(reading.source, tuple(lines), reading.role)
    return found


def _kind_of(plan: StreamPlan) -> str:
    roles = {role.name for role in plan.roles.values()}
    has_amount = "net_amount" in roles or {"unit_price", "quantity"} <= roles
    is_personal = len(roles & ATTRIBUTES) >= 2 and bool(roles & _DESCRIBING)
    own_key = not plan.key.by_place and len(plan.key.columns) == 1
    key_role = plan.roles[plan.key.columns[0]].name if own_key and plan.key.columns[0] in plan.roles else ""
    is_named = any(role in roles for role in _NUMBERS_OF_PEOPLE)
    is_list_of_people = key_role == "customer_id" and not has_amount and not plan.moment
    if (
        is_list_of_people
        or own_key
        and is_personal
        and not (has_amount and plan.moment)
        and key_role not in ("order_id", "product_id")
    ):
        return "people"
    if {"started_at", "ended_at"} <= roles and has_amount and is_named:
        return "bookings"
    if has_amount and plan.moment and (is_named or "order_id" in roles):
        return "purchases"
    if has_amount and "order_id" in roles and not plan.moment:
        return "lines"
    if "score" in roles and plan.moment and is_named:
        return "answers"
    if own_key and key_role == "product_id" and not is_named and roles & {"product_title", "product_line", "label"}:
        return "products"
    if own_key and key_role == "location_id" and not is_named:
        return "places"
    if plan.moment and is_named:
        return "contacts"
    return "unknown"


def _join_heads_and_lines(connection: duckdb.DuckDBPyConnection, streams: Sequence[StreamPlan]) -> None:
    """Lines of orders without a moment find it in the stream whose key is the order, if their numbers agree."""
    for lines in [stream for stream in streams if stream.kind == "lines"]:
        for head in streams:
            order, own = head.landed("order_id"), lines.landed("order_id")
            if head is lines or order is None or own is None or not head.moment or head.key.columns != (order.name,):
                continue
            share = _overlap(connection, lines.profile, own.name, head.profile, order.name)
            if share >= 0.5:
                head.kind = "heads"
                lines.todos.append(f"head: {share:.1%} of its orders are in {head.name}")
                lines.head = head.name
                break
        else:
            lines.kind = "unknown"
            lines.todos.append("amounts without a moment, and no stream of the system has the moment of its orders")


def head_of(system: SystemPlan, lines: StreamPlan) -> StreamPlan | None:
    """The stream with the heads of these lines."""
    return next((stream for stream in system.streams if stream.name == lines.head), None)


def without_useless_streams(system: SystemPlan) -> tuple[SystemPlan, list[str]]:
    """The system without streams that contribute to nothing, and their names; all of them if none contributes."""
    useful = tuple(stream for stream in system.streams if stream.kind not in ("unknown",))
    if not useful or len(useful) == len(system.streams):
        return system, []
    return replace(system, streams=useful), [stream.name for stream in system.streams if stream not in useful]


def unnamed_people(system: SystemPlan) -> list[list[StreamPlan]]:
    """Streams of facts by the identifier kind of people that no stream describes, or only in part."""
    found: dict[str, list[StreamPlan]] = {}
    for stream in system.streams:
        identity = stream.identity
        if stream.kind in ("people", "unknown", "lines") or identity is None or identity.is_described:
            continue
        if identity.kind.startswith(f"{system.name}_") or identity.kind == "email":
            found.setdefault(identity.kind, []).append(stream)
    return list(found.values())


def _name_people(connection: duckdb.DuckDBPyConnection, system: str, streams: Sequence[StreamPlan]) -> None:
    """The identifier kind of every stream: that of the people whose numbers its values are, or one of its own."""
    people = [stream for stream in streams if stream.kind == "people"]
    kinds: list[tuple[str, StreamPlan, str]] = []
    for stream in [*people, *(each for each in streams if each not in people)]:
        role = next((role for role in _NUMBERS_OF_PEOPLE if stream.landed(role)), None)
        landed = (
            stream.profile.column(stream.key.columns[0]) if stream in people else stream.landed(role) if role else None
        )
        if landed is None or stream.kind in ("products", "places"):
            continue
        output = stream.readings[landed.name].lines[-1].name
        if role in ("loyalty_number", "email", "phone") and stream not in people:
            stream.identity = Identity(str(role), output, f"{landed.distinct:,} values")
            continue
        known = [
            (_overlap(connection, stream.profile, landed.name, other.profile, column), kind, other, column)
            for kind, other, column in kinds
        ]
        # The numbers of one list may be a small part of those of another.
        likely = [
            (max(share, _overlap(connection, other.profile, column, stream.profile, landed.name)), share, kind, other)
            for share, kind, other, column in known
        ]
        best = max(likely, key=lambda each: each[:2], default=None)
        if best is not None and best[0] >= _SAME_LIST:
            _, share, kind, other = best
            evidence = f"{share:.1%} of its {landed.distinct:,} values are in {other.name}"
            is_described = other in people and share >= _DESCRIBED
        else:
            kind, evidence, is_described = f"{system}_{landed.name}", f"{landed.distinct:,} values", False
            if people and stream not in people:
                evidence += "; TODO none of the people's numbers agree with them"
            kinds.append((kind, stream, landed.name))
        stream.identity = Identity(kind, output, evidence, is_described)


def _overlap(connection: duckdb.DuckDBPyConnection, one: Profile, column: str, other: Profile, key: str) -> float:
    """Share of the distinct values of one column that another has."""
    found = connection.execute(
        f'with own as (select distinct trim(cast("{column}" as varchar)) as value from {one.relation} '
        f'where "{column}" is not null), known as (select distinct trim(cast("{key}" as varchar)) as value '
        f"from {other.relation}) select count(known.value) / nullif(count(*), 0) from own left join known using (value)"
    ).fetchone()
    return float(found[0] or 0) if found else 0.0


def _sample_phones(
    connection: duckdb.DuckDBPyConnection, profile: Profile, roles: Mapping[str, Role], answers: Answers
) -> None:
    """Some numbers without + per phone column, by which phonenumbers finds the country."""
    for name, role in roles.items():
        if role.name in ("phone", "another_phone"):
            rows = connection.execute(
                f'select distinct trim("{name}") from {profile.relation} where trim("{name}") not like \'+%\' '
                f"and trim(\"{name}\") not like '00%' order by 1 limit 400"
            ).fetchall()
            answers.phones[f"{profile.stream.name}.{name}"] = [row[0] for row in rows if row[0]]
            if not rows:
                answers.phones.pop(f"{profile.stream.name}.{name}")
