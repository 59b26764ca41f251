"""The catalog: which source systems an installation has, which streams they deliver, and how to reach them.

Only pydantic and YAML are imported here, so that reading a catalog costs next to nothing.
"""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from orchestration.channels.errors import CatalogError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
# Names become folders, tables and dlt pipelines: one underscore between words, because two separate system and stream.
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_COLUMN = re.compile(r"_?[a-z][a-z0-9_]*")
_TYPE = re.compile(r"(varchar|bigint|double|boolean|date|timestamp)|decimal\(([1-9][0-9]?), ?([0-9][0-9]?)\)")
_MOST_DIGITS = 38
_DURATION = re.compile(r"([1-9][0-9]*) ?(m|h|d|w)")
_DURATION_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Filled in by load_catalog; a catalog file must not set them.
_INJECTED = ("name", "system_name", "catalog_file", "variables")


def _duration(value: object) -> object:
    if value is None or isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value))
    if match is None:
        raise PydanticCustomError("duration", "is not a duration; write a number and m, h, d or w, as in 15m, 1h or 7d")
    return timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})


def _column(value: object) -> object:
    if not isinstance(value, str) or _COLUMN.fullmatch(value) is None:
        raise PydanticCustomError("column", "is not a landed column name; write it in snake_case, as in contact_id")
    return value


def _type(value: object) -> object:
    match = _TYPE.fullmatch(str(value).strip().lower())
    fits = match is not None and (match[1] is not None or int(match[3]) <= int(match[2]) <= _MOST_DIGITS)
    if match is None or not fits:
        raise PydanticCustomError(
            "column_type",
            "is not a type; write varchar, bigint, double, boolean, date, timestamp or a decimal, as in decimal(12,2)",
        )
    return match[0].upper().replace(" ", "")


def _moment(value: object) -> object:
    if value is None or isinstance(value, date):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise PydanticCustomError(
            "moment", "is not a moment; write a date, or a date and time in UTC, as in 2026-01-31 or 2026-01-31T12:00"
        ) from None


def _encoding(value: object) -> object:
    try:
        codecs.lookup(str(value))
    except LookupError:
        raise PydanticCustomError(
            "encoding", "is not an encoding that Python knows; for example utf-8, latin-1 or cp1252"
        ) from None
    return value


Column = Annotated[str, BeforeValidator(_column)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
# The name of a DuckDB type, in capitals.
ColumnType = Annotated[str, BeforeValidator(_type)]
Delivery = Literal["append", "snapshot", "replace"]
Moment = Annotated[datetime | date | None, BeforeValidator(_moment)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stream(_Model):
    """One table, feed or endpoint of a source system; what all connectors have in common."""

    name: str
    system_name: str
    description: str = ""
    key: tuple[Column, ...] = ()
    cursor: Column | None = None
    # How much later than its cursor says a row may appear: so much is read again each time.
    lag: Duration = timedelta(0)
    # The column with the day, or the moment, that a row belongs to.
    day: Column | None = None
    cadence: Duration | None = None
    # What a delivery says about earlier ones. append: nothing. snapshot: it is the full table, and what is missing from
    # the newest one has been deleted. replace: a file stands for what the file of that name delivered before.
    delivery: Delivery = "append"
    # Delivered name, in snake_case -> the name under which it lands: for a column that was renamed at the source.
    columns: Mapping[Column, Column] = Field(default_factory=dict)
    # Landed column -> type that it is cast to: for a column whose type has changed at the source.
    types: Mapping[Column, ColumnType] = Field(default_factory=dict)
    allow_empty: bool = False

    @model_validator(mode="after")
    def _snapshot_is_the_full_table(self) -> Self:
        if self.delivery == "snapshot" and self.cursor is not None:
            raise PydanticCustomError(
                "snapshot",
                "delivery snapshot is the full table, and cursor fetches a part of it; remove one of the two",
            )
        return self

    @property
    def label(self) -> str:
        """How messages, folders and assets call the stream: `shop/contacts`."""
        return f"{self.system_name}/{self.name}"


class FileStream(Stream):
    """Files below the location of their system that match one glob."""

    path: str = Field(min_length=1)
    format: Literal["csv", "jsonl", "parquet"]
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Annotated[str, BeforeValidator(_encoding)] = "utf-8"

    @model_validator(mode="after")
    def _options_fit_the_format(self) -> Self:
        if self.lag:
            raise PydanticCustomError("lag", "lag belongs to databases and APIs only; remove it")
        for field in ("delimiter", "encoding"):
            if self.format != "csv" and field in self.model_fields_set:
                raise PydanticCustomError("csv_only", f"{field} belongs to format csv only; remove it")
        return self


class _ReadStream(Stream):
    """A stream that is asked for rows: those since the cursor or, without one, all of them each time."""

    @model_validator(mode="before")
    @classmethod
    def _read_whole_is_a_snapshot(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("cursor") is None and "delivery" not in fields:
            return {**fields, "delivery": "snapshot"}
        return fields

    @model_validator(mode="after")
    def _delivery_and_lag_fit(self) -> Self:
        if self.delivery == "replace":
            raise PydanticCustomError("replace", "delivery replace belongs to files only; write append or snapshot")
        if self.lag and self.cursor is None:
            raise PydanticCustomError("lag", "lag needs cursor: the column whose newest value is reached back from")
        return self


class TableStream(_ReadStream):
    """A table or view of a database. Without `cursor` it is read whole each time."""

    table: str = Field(min_length=1)
    # `schema` is a method of pydantic's models; the file says `schema` all the same.
    schema_name: str | None = Field(default=None, alias="schema")


class EndpointStream(_ReadStream):
    """An endpoint of a REST API. Without `cursor` it is read whole each time."""

    path: str
    data_selector: str | None = None
    cursor_param: str | None = None
    params: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    paginator: str | Mapping[str, Any] | None = None

    @model_validator(mode="after")
    def _parameter_needs_a_cursor(self) -> Self:
        if self.cursor_param is not None and self.cursor is None:
            raise PydanticCustomError(
                "cursor_param", "cursor_param needs cursor: the column whose newest value is sent"
            )
        return self


class _System(_Model):
    name: str
    catalog_file: Path
    # Field -> environment variable, so that a message can say which one to renew.
    variables: Mapping[str, str] = Field(default_factory=dict)
    title: str = ""
    adapter: str = ""
    owner: str | None = None

    @property
    def staging_folder(self) -> str:
        """Folder below `models/staging/` that interprets the system."""
        return self.adapter or self.name

    def field_to_renew(self, field: str) -> str:
        """Where a person changes `field`: the environment variable if the catalog uses one, else the file."""
        variable = self.variables.get(field)
        return f"the environment variable {variable}" if variable else f"`{field}` in {self.catalog_file.name}"


class FilesSystem(_System):
    """A folder, local or in an object store, into which a system delivers files."""

    connector: Literal["files"]
    location: str = Field(min_length=1)
    storage_options: Mapping[str, Any] = Field(default_factory=dict, repr=False)
    streams: Mapping[str, FileStream] = Field(min_length=1)


class DatabaseSystem(_System):
    """A database that SQLAlchemy can reach."""

    connector: Literal["database"]
    url: SecretStr = Field(min_length=1)
    streams: Mapping[str, TableStream] = Field(min_length=1)


class RestApiSystem(_System):
    """An HTTP API that answers with JSON."""

    connector: Literal["rest_api"]
    base_url: str = Field(min_length=1, pattern=r"^https?://")
    token: SecretStr | None = None
    streams: Mapping[str, EndpointStream] = Field(min_length=1)


System = Annotated[FilesSystem | DatabaseSystem | RestApiSystem, Field(discriminator="connector")]
_SYSTEMS: dict[str, type[_System]] = {"files": FilesSystem, "database": DatabaseSystem, "rest_api": RestApiSystem}
_STREAMS: dict[str, type[Stream]] = {"files": FileStream, "database": TableStream, "rest_api": EndpointStream}


class Catalog(_Model):
    """The source systems and streams of one installation."""

    catalog: str
    description: str = ""
    as_of: Moment = None
    # No row of any stream belongs to an earlier day.
    first_day: date = date(2015, 1, 1)
    systems: Mapping[str, System] = Field(min_length=1)

    @model_validator(mode="after")
    def _a_staging_folder_interprets_one_system(self) -> Catalog:
        users: dict[str, str] = {}
        for system in self.systems.values():
            other = users.setdefault(system.staging_folder, system.name)
            if other != system.name:
                raise PydanticCustomError(
                    "adapter",
                    "the systems {other} and {name} both use the adapter {adapter}; give one of them another",
                    {"other": other, "name": system.name, "adapter": system.staging_folder},
                )
        return self

    def streams(self) -> Iterator[tuple[FilesSystem | DatabaseSystem | RestApiSystem, Stream]]:
        """Every stream with its system, in the order of the file."""
        for system in self.systems.values():
            for stream in system.streams.values():
                yield system, stream


def load_catalog(path: Path, environment: Mapping[str, str]) -> Catalog:
    """Read and check a catalog.

    `environment` supplies the values for `${NAME}` and `${NAME:-default}`. Raises CatalogError with one line per fault.
    """
    try:
        written = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 (it is a SafeLoader)
    except FileNotFoundError as error:
        raise CatalogError(f"{path}: there is no such catalog file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    except _DuplicateKey as error:
        raise CatalogError(f"{path.name}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise CatalogError(f"{path.name}{place}: is not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(written, dict):
        raise CatalogError(f"{path.name}: must hold the fields catalog and systems")

    faults: list[str] = []
    expanded = _expand(written, environment, path.name, (), faults)
    faults += _name_faults(written, path.name)
    if not faults:
        _inject(expanded, written, path)
        try:
            return Catalog.model_validate(expanded)
        except ValidationError as error:
            faults = [_sentence(detail, written, path.name) for detail in error.errors(include_url=False)]
    raise CatalogError("\n".join(dict.fromkeys(faults)))


class _DuplicateKey(yaml.YAMLError):
    pass


class _UniqueKeyLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.value in seen and key_node.tag != "tag:yaml.org,2002:merge":
                line = key_node.start_mark.line + 1
                raise _DuplicateKey(f"line {line}: {key_node.value} is given twice; keep one of the two")
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


def _expand(value: Any, environment: Mapping[str, str], file: str, loc: tuple[Any, ...], faults: list[str]) -> Any:
    """`value` with all variables replaced; a variable that is not set is added to `faults`."""
    if isinstance(value, dict):
        return {key: _expand(inner, environment, file, (*loc, key), faults) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, environment, file, (*loc, index), faults) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if default is not None:
            return environment.get(name) or default
        if name not in environment:
            faults.append(
                f"{_place(file, loc)}: the environment variable {name} is not set; set it, or write "
                f"${{{name}:-default}}"
            )
        return environment.get(name, "")

    return _VARIABLE.sub(replacement, value)


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _name_faults(written: dict[Any, Any], file: str) -> list[str]:
    faults = []
    for system_name, system in _mapping(written.get("systems")).items():
        named: list[tuple[tuple[Any, ...], str, Any]] = [((system_name,), "system", system_name)]
        streams = _mapping(_mapping(system).get("streams"))
        named += [((system_name, stream_name), "stream", stream_name) for stream_name in streams]
        for names, kind, name in named:
            if not isinstance(name, str) or _NAME.fullmatch(name) is None:
                place = ", ".join(f"{what} {which}" for what, which in zip(("system", "stream"), names, strict=False))
                faults.append(
                    f"{file}: {place}: is not a name for a {kind}; write it in snake_case, as in web_shop"
                    + ("" if isinstance(name, str) else ", in quotes")
                )
    return faults


def _inject(expanded: dict[str, Any], written: dict[str, Any], path: Path) -> None:
    """Give systems and streams their names, and locations their folder."""
    for system_name, system in _mapping(expanded.get("systems")).items():
        if not isinstance(system, dict):
            continue
        _refuse_injected(system)
        system.update(name=system_name, catalog_file=path)
        raw = written["systems"][system_name]
        system["variables"] = {
            field: match[1]
            for field, text in raw.items()
            if isinstance(text, str) and (match := _VARIABLE.search(text)) is not None
        }
        location = system.get("location")
        if isinstance(location, str) and location and "://" not in location:
            system["location"] = str((path.parent / Path(location).expanduser()).resolve())
        for stream_name, stream in _mapping(system.get("streams")).items():
            if isinstance(stream, dict):
                _refuse_injected(stream)
                stream.update(name=stream_name, system_name=system_name)


def _refuse_injected(fields: dict[str, Any]) -> None:
    # A field that pydantic does not know is reported like any other misspelt one.
    for field in _INJECTED:
        if field in fields:
            fields[f"{field} (set by the catalog itself)"] = fields.pop(field)


def _place(file: str, loc: tuple[Any, ...]) -> str:
    """`contoso.yaml: system shop, stream contacts, field format` from the path of a value."""
    parts, rest = [], list(loc)
    if len(rest) > 1 and rest[0] == "systems":
        parts.append(f"system {rest[1]}")
        rest = rest[2:]
        if rest and rest[0] in _SYSTEMS:  # pydantic names the member of the union here
            rest = rest[1:]
        if len(rest) > 1 and rest[0] == "streams":
            parts.append(f"stream {rest[1]}")
            rest = rest[2:]
    if rest:
        parts.append("field " + ".".join(str(step) for step in rest))
    return f"{file}: {', '.join(parts)}" if parts else file


def _sentence(detail: ErrorDetails, written: dict[str, Any], file: str) -> str:
    loc, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        loc = (*loc, "connector")
    if kind == "extra_forbidden":
        unknown = str(loc[-1])
        near = difflib.get_close_matches(unknown, _fields_at(loc), n=1)
        advice = f"did you mean {near[0]}?" if near else f"allowed are {', '.join(_fields_at(loc))}"
        return f"{_place(file, loc[:-1])}: unknown field {unknown}; {advice}"
    place, value = _place(file, loc), _as_written(written, loc)
    if kind in ("missing", "union_tag_not_found") and (kind == "missing" or value is None):
        allowed = f"; one of {', '.join(_SYSTEMS)}" if kind == "union_tag_not_found" else ""
        return f"{place}: is required{allowed}"
    if kind == "union_tag_invalid":
        return f"{place}: {value!r} is not one of {', '.join(_SYSTEMS)}"
    if kind == "literal_error":
        allowed = re.sub(r"'([^']*)'", r"\1", str(context.get("expected", ""))).replace(" or ", ", ")
        return f"{place}: {value!r} is not one of {allowed}"
    if kind == "too_short" and loc[-1] in ("systems", "streams"):
        return f"{place}: is empty; name at least one"
    if kind in ("duration", "column", "column_type", "encoding", "moment"):
        return f"{place}: {value!r} {detail['msg']}"
    # Values of the remaining fields may be secrets; pydantic's messages do not repeat them.
    return f"{place}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _as_written(written: Any, loc: tuple[Any, ...]) -> Any:
    """The value in the file, variables not expanded: safe to show."""
    for step in loc:
        if (isinstance(written, dict) and step in written) or (
            isinstance(written, list) and isinstance(step, int) and step < len(written)
        ):
            written = written[step]
        elif step not in _SYSTEMS:
            return None
    return written


def _fields_at(loc: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Catalog
    if len(loc) > 3 and loc[0] == "systems":
        model = _STREAMS[loc[2]] if len(loc) > 5 else _SYSTEMS[loc[2]]
    return [field.alias or name for name, field in model.model_fields.items() if name not in _INJECTED]
