"""The text of the files of a staging folder and of the catalog entry, from Jinja templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from statistics import median
from textwrap import wrap
from typing import Any

from orchestration.onboarding.contributions import contributions_of
from orchestration.onboarding.found import Column
from orchestration.onboarding.plan import StreamPlan, SystemPlan
from orchestration.onboarding.readings import Line
from orchestration.onboarding.roles import MOMENTS

_LINE_LENGTH = 116
_TYPES = {"TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "HUGEINT": "decimal(38, 0)"}
# Of a column that is read for its own sake, some unreadable values cost the row; of more, only the value.
_MOST_UNREADABLE = 0.01
_CADENCES = ((1.5, "1d"), (8.0, "7d"), (32.0, "31d"), (95.0, "92d"))
_CONTRIBUTED = {
    "purchases": ("net_amount",), "lines": (), "bookings": ("net_amount",), "answers": ("score",),
    "contacts": (), "heads": (),
}  # fmt: skip


def staging_files(system: SystemPlan) -> dict[str, str]:
    """Path below the firm's folder -> text, of the whole staging folder of a system."""
    folder = f"models/staging/{system.name}"
    render = _environment()
    texts = {
        f"{folder}/_{system.name}__sources.yml": render("sources.yml.j2", system=system, data_type=_data_type),
        f"{folder}/_{system.name}__models.yml": render("models.yml.j2", system=system, described=_described),
    }
    contributions = contributions_of(system)
    for stream in system.streams:
        lines = [line for reading in stream.readings.values() for line in reading.lines]
        lines += stream.extra_lines
        parsed = {column: lines for column, lines in _arguments(stream, lines).items() if lines}
        kept = _without_unused_raw(lines, parsed.get("parsed", ""))
        texts[f"{folder}/base_{system.name}__{stream.name}.sql"] = render(
            "base.sql.j2",
            system=system,
            stream=stream,
            lines=[_wrapped(line) for line in kept],
            arguments=parsed,
            head_comments=[line for todo in _head_todos(stream) for line in wrap(f"TODO {todo}", _LINE_LENGTH)],
        )
        texts[f"{folder}/stg_{system.name}__{stream.name}.sql"] = render("staging.sql.j2")
    for contribution in contributions:
        texts[f"{folder}/{system.name}__{contribution.canonical}.sql"] = render(
            "contribution.sql.j2", system=system, contribution=contribution
        )
    return texts


def catalog_entry(system: SystemPlan) -> str:
    """The lines of the system below `systems:` of the catalog."""
    zone = system.answers.zone if system.answers.zone not in ("", "UTC") else ""
    return _environment()("catalog.yaml.j2", system=system, zone=zone, scalar=_scalar, fields=_fields)


def first_and_last_day(system: SystemPlan) -> tuple[date, date] | None:
    """The earliest and the latest day of the moments of facts; None without any."""
    days = [
        date.fromisoformat(text[:10])
        for stream in system.streams
        for name, role in stream.roles.items()
        if role.name in MOMENTS - {"due_at"}
        for text in (stream.profile.column(name).lowest, stream.profile.column(name).highest)
        if text and re.match(r"\d{4}-\d\d-\d\d", text)
    ]
    return (min(days), max(days)) if days else None


def _environment() -> Any:
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("orchestration.onboarding", "templates"),
        autoescape=False,  # noqa: S701 (the templates write SQL and YAML)
        keep_trailing_newline=True,
    )
    return lambda name, **values: environment.get_template(name).render(**values)


def _head_todos(stream: StreamPlan) -> list[str]:
    todos = [todo for todo in stream.todos if todo.startswith(("key", "consent"))]
    if stream.kind == "unknown":
        missing = []
        if stream.moment is None:
            missing.append("no column with a moment")
        if stream.identity is None:
            missing.append("no column that names a person")
        reason = " and ".join(missing) or "no column that says what it is about"
        todos.append(f"it contributes to no canonical stream: {reason}. Write the contribution by hand")
    return todos


def _arguments(stream: StreamPlan, lines: list[Line]) -> dict[str, str]:
    needed = [stream.output(role) for role in _CONTRIBUTED.get(stream.kind, ())]
    if stream.moment and stream.kind in ("purchases", "bookings", "answers", "contacts", "heads"):
        needed.append(stream.moment.name)
    required = [name for name in dict.fromkeys(needed) if name and name not in stream.base_key]
    parsed = [line.name for line in lines if line.raw and _is_strict(stream, line, required)]
    arguments = {"key": _listed(stream.base_key), "parsed": _listed(parsed), "required": _listed(required)}
    if stream.version:
        arguments["version"] = _listed([stream.version])
    if stream.moment and stream.kind in ("purchases", "bookings", "answers", "contacts", "heads"):
        arguments["moment"] = f"'{stream.moment.name}'"
    return {name: value for name, value in arguments.items() if value != "[]"}


def _is_strict(stream: StreamPlan, line: Line, required: list[str]) -> bool:
    """Whether an unreadable text costs the row: always of what makes a figure, else while there are few."""
    if line.name in required or line.name == stream.version:
        return True
    return all(_share_of(comment) <= _MOST_UNREADABLE for comment in line.comments)


def _share_of(comment: str) -> float:
    found = re.search(r"TODO ([\d,]+) of ([\d,]+) values", comment)
    return int(found[1].replace(",", "")) / int(found[2].replace(",", "")) if found else 0.0


def _without_unused_raw(lines: list[Line], parsed: str) -> list[Line]:
    kept = []
    for line in lines:
        if line.raw and f"'{line.name}'" not in parsed:
            comments = tuple(comment.replace("and go to quarantine", "and become null") for comment in line.comments)
            line = Line(line.name, line.sql, line.kind, "", comments)
        kept.append(line)
    return kept


def _wrapped(line: Line) -> Line:
    """Comments short enough for a line."""
    comments = []
    for comment in line.comments:
        width = _LINE_LENGTH - len(line.name) - 14
        comments.append(comment if len(comment) <= width else comment[: width - 1] + "…")
    return Line(line.name, line.sql, line.kind, line.raw, tuple(comments))


def _listed(names: Any) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


def _data_type(column: Column) -> str:
    return _TYPES.get(column.type, column.type.lower().replace(",", ", "))


def _described(stream: StreamPlan) -> str:
    return {"people": "person", "purchases": "purchase", "answers": "answer", "products": "product"}.get(
        stream.kind, "row of " + stream.name.replace("_", " ")
    )


def _fields(stream: StreamPlan) -> Iterator[tuple[str, Any, str]]:
    """(field, value, evidence) of a stream's catalog entry."""
    found = stream.profile.stream
    for name, value in found.fields.items():
        yield name, value, found.evidence.get(name, "")
    if not stream.key.by_place:
        yield "key", list(stream.key.columns), stream.key.evidence
    moment = stream.moment
    if moment and stream.kind != "people" and _starts_with_a_day(stream, moment):
        yield "day", moment.name, ""
    cadence = _cadence(stream)
    if cadence:
        yield "cadence", cadence[0], cadence[1]


def _starts_with_a_day(stream: StreamPlan, moment: Line) -> bool:
    landed = next((column for column in stream.profile.columns if column.name == moment.name), None)
    if landed is None:
        return False
    iso = landed.share("iso_date") + landed.share("iso_moment") + landed.share("zoned_moment")
    return iso >= 0.99 if landed.is_text else landed.type.startswith(("DATE", "TIMESTAMP"))


def _cadence(stream: StreamPlan) -> tuple[str, str] | None:
    days = sorted({period[0] for period in stream.profile.stream.periods})
    if len(days) < 3:
        return None
    gap = median((later - earlier).days for earlier, later in zip(days, days[1:], strict=False))
    cadence = next((name for most, name in _CADENCES if gap <= most), None)
    return (cadence, f"{len(days):,} deliveries, mostly {gap:g} days apart") if cadence else None


def _scalar(value: Any) -> str:
    import json

    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, dict):
        return json.dumps(value)
    text = str(value)
    return (
        text
        if re.fullmatch(r"[A-Za-z0-9_./${}-]+", text) and text[0] not in "{"
        else json.dumps(text, ensure_ascii=False)
    )
