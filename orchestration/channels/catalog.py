"""The schema of a catalog: which source systems an installation has, which streams they deliver, how to reach them.

Only pydantic is imported here, so that a catalog costs next to nothing. `catalog_file.load_catalog` reads one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from orchestration.channels.catalog_types import (
    Column,
    ColumnType,
    Delivery,
    Duration,
    Encoding,
    Moment,
    Months,
    TimeZone,
)

WHITESPACE = "whitespace"
WEBHOOK, DECISION = "webhook", "decision"
_KEYS = {WEBHOOK: "webhook_id", DECISION: "decision_id"}  # of event streams; messages have message_id


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Books(_Model):
    """Why the rows of a stream outlive the erasure of their person, without what identifies them, and for how long."""

    reason: str = Field(min_length=1)
    months: Months = Field(alias="for")


class Stream(_Model):
    """One table, feed or endpoint of a source system: the fields that all connectors share."""

    name: str
    system_name: str
    description: str = ""
    key: tuple[Column, ...] = ()
    cursor: Column | None = None
    # How much later than its cursor value a row may appear: that much is read again each time.
    lag: Duration = timedelta(0)
    # The column with the day or the moment of a row.
    day: Column | None = None
    cadence: Duration | None = None
    # How a delivery relates to earlier ones. append: it adds rows. snapshot: it is the full table, and rows that the
    # newest one lacks are deleted. replace: a file replaces what the file of the same name delivered before.
    delivery: Delivery = "append"
    # Delivered name in snake_case -> landed name: for a column that was renamed at the source.
    columns: Mapping[Column, Column] = Field(default_factory=dict)
    # Landed column -> type to cast it to: for a column whose type has changed at the source.
    types: Mapping[Column, ColumnType] = Field(default_factory=dict)
    allow_empty: bool = False
    # In which the local times of the stream are; without it the system's, and else the firm's (dbt variable time_zone).
    time_zone: TimeZone = None
    # How long landing keeps a row, in months, from its day; None for always.
    keep: Months | None = None
    # Rows that the books need when their person is erased.
    books: Books | None = None

    @model_validator(mode="after")
    def _snapshot_is_the_full_table(self) -> Self:
        if self.delivery == "snapshot" and self.cursor is not None:
            raise PydanticCustomError(
                "snapshot",
                "delivery snapshot is the full table, and cursor fetches a part of it; remove one of the two",
            )
        return self

    @model_validator(mode="after")
    def _keeping_needs_a_day(self) -> Self:
        if self.keep is not None and self.day is None:
            raise PydanticCustomError("keep", "keep counts from the day of a row; write `day`, the column that has it")
        return self

    @property
    def label(self) -> str:
        """The name of the stream in messages, folders and assets: `shop/contacts`."""
        return f"{self.system_name}/{self.name}"


class FileStream(Stream):
    """Files below the location of their system that match one glob."""

    path: str = Field(min_length=1)
    format: Literal["csv", "jsonl", "parquet"]
    # One character, or `whitespace`: any number of blanks and tabs.
    delimiter: str = Field(default=",", pattern=f"^(.|{WHITESPACE})$")
    encoding: Encoding = "utf-8"
    # Landed names of the columns, for files whose first line is a row.
    header: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def _options_fit_the_format(self) -> Self:
        if self.lag:
            raise PydanticCustomError("lag", "lag is for databases and APIs only; remove it")
        for field in ("delimiter", "encoding", "header"):
            if self.format != "csv" and field in self.model_fields_set:
                raise PydanticCustomError("csv_only", f"{field} is for format csv only; remove it")
        return self


class _ReadStream(Stream):
    """A stream that is queried: for the rows since the cursor or, without one, for all rows each time."""

    @model_validator(mode="before")
    @classmethod
    def _read_whole_is_a_snapshot(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("cursor") is None and "delivery" not in fields:
            return {**fields, "delivery": "snapshot"}
        return fields

    @model_validator(mode="after")
    def _delivery_and_lag_fit(self) -> Self:
        if self.delivery == "replace":
            raise PydanticCustomError("replace", "delivery replace is for files only; write append or snapshot")
        if self.lag and self.cursor is None:
            raise PydanticCustomError("lag", "lag needs cursor, the column that it is subtracted from")
        return self


class TableStream(_ReadStream):
    """A table or view of a database. Without `cursor` it is read whole each time."""

    table: str = Field(min_length=1)
    # `schema` is a method of pydantic's models, hence the alias.
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
                "cursor_param", "cursor_param needs cursor, the column whose newest value is sent"
            )
        return self


class EventStream(Stream):
    """Messages of one kind that the live service receives, the calls of a webhook, or the service's own decisions."""

    message: Literal["identify", "track", "page", "screen", "group", "alias", "webhook", "decision"]

    @model_validator(mode="before")
    @classmethod
    def _the_message_is_the_key(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "key" not in fields:
            return {**fields, "key": [_KEYS.get(str(fields.get("message")), "message_id")]}
        return fields

    @model_validator(mode="after")
    def _events_are_appended(self) -> Self:
        if self.cursor is not None or self.lag:
            raise PydanticCustomError(
                "event_cursor", "events are read in the order of their log; remove cursor and lag"
            )
        if self.delivery != "append":
            raise PydanticCustomError("event_delivery", "events say nothing about earlier ones; remove delivery")
        return self


class _System(_Model):
    name: str
    catalog_file: Path
    # Field -> environment variable, so that a message can name the variable to renew.
    variables: Mapping[str, str] = Field(default_factory=dict)
    title: str = ""
    adapter: str = ""
    owner: str | None = None
    time_zone: TimeZone = None

    @property
    def staging_folder(self) -> str:
        """Folder below `models/staging/` that interprets the system."""
        return self.adapter or self.name

    def field_to_renew(self, field: str) -> str:
        """Where a user changes `field`: the environment variable if the catalog uses one, else the catalog file."""
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


class EventsSystem(_System):
    """A sender of events to the live service: a site, an app, or any program that calls a webhook."""

    connector: Literal["events"]
    # Who may send by the tracking interface. It stands in pages and apps, so it protects nothing that is read.
    write_key: SecretStr | None = Field(default=None, min_length=16)
    # What webhooks are signed with.
    secret: SecretStr | None = Field(default=None, min_length=16)
    signature_header: str = Field(default="X-Signature-256", pattern=r"^[A-Za-z0-9-]+$")
    # Sites whose pages may send, such as https://shop.example; `*` for all.
    origins: tuple[str, ...] = ()
    streams: Mapping[str, EventStream] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_message_has_one_stream_and_a_key(self) -> Self:
        messages = [stream.message for stream in self.streams.values() if stream.message not in _KEYS]
        for message in messages:
            if messages.count(message) > 1:
                raise PydanticCustomError(
                    "event_streams", "has several streams of {message} messages; keep one", {"message": message}
                )
        if messages and self.write_key is None:
            raise PydanticCustomError("write_key", "receives messages, so it needs write_key, as in ${SITE_WRITE_KEY}")
        if any(stream.message == WEBHOOK for stream in self.streams.values()) and self.secret is None:
            raise PydanticCustomError("secret", "receives webhooks, so it needs secret, as in ${SHOP_WEBHOOK_SECRET}")
        return self


SourceSystem = FilesSystem | DatabaseSystem | RestApiSystem | EventsSystem
System = Annotated[SourceSystem, Field(discriminator="connector")]
SYSTEM_MODELS: dict[str, type[_System]] = {
    "files": FilesSystem, "database": DatabaseSystem, "rest_api": RestApiSystem, "events": EventsSystem,
}  # fmt: skip
STREAM_MODELS: dict[str, type[Stream]] = {
    "files": FileStream, "database": TableStream, "rest_api": EndpointStream, "events": EventStream,
}  # fmt: skip


class Service(_Model):
    """A program that runs while a run does, such as a tunnel; it listens on 127.0.0.1:port once it is ready."""

    command: tuple[str, ...] = Field(min_length=1)
    port: int = Field(ge=1, le=65535)


class Catalog(_Model):
    """The source systems and streams of one installation."""

    catalog: str
    description: str = ""
    # The folder with the dbt project that reads the systems, relative to this file, or the name of an example.
    # Without it: the folder of this file.
    project: str | None = None
    services: Mapping[str, Service] = Field(default_factory=dict)
    as_of: Moment = None
    # In which amounts of all currencies are added up (ISO 4217); without it, the currency of most orders.
    reporting_currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
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

    def streams(self) -> Iterator[tuple[SourceSystem, Stream]]:
        """Every stream with its system, in the order of the file."""
        for system in self.systems.values():
            for stream in system.streams.values():
                yield system, stream
