"""How the rows of each stream say whose they are, from the SQL of the firm's staging models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestration.channels.catalog import Catalog
from orchestration.channels.landing.row_owners import StreamRules
from orchestration.privacy.lineage import Lineage, LineageError, columns_in, relations_in, sql_of, texts_in

if TYPE_CHECKING:
    from sqlglot import exp

    from orchestration.warehouse.dbt import DbtProject

_FOLDER = re.compile(r"read_parquet\('([^']*)/([^/']+)/([^/']+)/(rows|rejects)/\*\.parquet', union_by_name = true\)")
# Columns of canonical streams that name one event or document of one person, beside the key of the stream itself.
KEY_COLUMNS = {
    "source_record_id": "source_record_id", "order_id": "order_id", "original_order_id": "order_id",
    "session_id": "session_id", "coupon_code": "coupon_code",
}  # fmt: skip
# Their values are numbers of orders, which other systems quote.
QUOTED_ELSEWHERE = ("order_id", "coupon_code")
# Identifiers that source records have in columns of their own, as identity reads them (identity/identifiers.py).
_OF_RECORDS = ("email", "phone", "loyalty_number", "national_id")
_IDENTIFIERS = (("identifier_kind", "identifier_value"), ("other_identifier_kind", "other_identifier_value"))


@dataclass(frozen=True)
class Token:
    """What a landed row says about a person: the expressions of its name and value, on columns of one stream."""

    label: str
    named: str
    value: str
    reads: frozenset[str]


@dataclass
class RulesOfProject:
    """The rules of all streams. unfollowed: models whose SQL could not be followed, with the reason."""

    streams: dict[str, StreamRules] = field(default_factory=dict)
    unfollowed: list[str] = field(default_factory=list)


def identifier_token(kind: str, value: str) -> str:
    """The token of an identifier."""
    return f"identifier|{kind}{chr(31)}{value}"


def key_token(system: str, key: str, value: str) -> str:
    """The token of a key of a system; system is empty for a number that other systems quote."""
    return f"key|{system}|{key}{chr(31)}{value}"


def staging_queries(project: DbtProject, as_of: datetime) -> dict[str, str]:
    """The SQL of the firm's base models and contributions, and of its staging models, by name."""
    nodes = [node for node in project.manifest["nodes"].values() if _is_read(node)]
    return project.queries([node["name"] for node in nodes], as_of=as_of) if nodes else {}


def _is_read(node: Mapping[str, Any]) -> bool:
    is_model = node["resource_type"] == "model" and node["config"].get("enabled", True)
    return is_model and "staging" in node["fqn"] and not node["name"].startswith("stg_")


def rules_fingerprint(project: DbtProject) -> str:
    """Of what the rules are made from: the text of the staging models, and the streams of the catalog."""
    from orchestration.warehouse.build_record import digest

    nodes = sorted(
        (node["name"], str(node["checksum"])) for node in project.manifest["nodes"].values() if _is_read(node)
    )
    return digest([nodes, project.variables.get("streams"), project.variables.get("canonical")])


class StreamLineage:
    """The staging models of a firm as queries on landed columns.

    queries: of `staging_queries`. landed: (system, stream) -> its landed columns. contributions: model -> (canonical
    stream, system). canonical: canonical stream -> its meta of dbt.
    """

    def __init__(
        self,
        queries: Mapping[str, str],
        landed: Mapping[tuple[str, str], Sequence[str]],
        contributions: Mapping[str, tuple[str, str]],
        canonical: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.contributions, self.canonical = contributions, canonical
        columns: dict[str, Sequence[str]] = {}
        self._labels: dict[str, str] = {}
        named: dict[str, str] = {}

        def replaced(match: re.Match[str]) -> str:
            _, system, stream, part = match.groups()
            name = f"landed__{system}__{stream}__{part}"
            columns[name] = landed.get((system, stream), ()) if part == "rows" else (
                "raw", "reason", "_dlt_load_id", "_source_file", "_source_row", "_source_day"
            )  # fmt: skip
            self._labels[name] = f"{system}/{stream}"
            return name

        for model, sql in queries.items():
            named[model] = _FOLDER.sub(replaced, sql)
            if model.startswith("base_"):
                named[model.replace("base_", "stg_", 1)] = f"select * from {model}"
        self._lineage = Lineage(named, columns)

    def columns_of(self, model: str) -> list[str]:
        """The columns of a contribution."""
        return self._lineage.columns_of(model)

    def branches(self, model: str, columns: Sequence[str]) -> list[tuple[exp.Expression, ...]]:
        """Columns of a model as expressions on landed columns."""
        return self._lineage.expressions(model, columns)

    def label(self, relation: str) -> str:
        """The stream whose landed rows a relation stands for; empty where it is none."""
        return self._labels.get(relation, "") if relation.endswith("__rows") else ""

    def tokens(self, model: str) -> Iterator[Token]:
        """What the rows behind a contribution say about a person."""
        canonical, system = self.contributions[model]
        there = set(self.columns_of(model))
        for kind, value in _IDENTIFIERS:
            if {kind, value} <= there:
                yield from self._identifiers(model, kind, value)
        if canonical in ("source_record", "source_record_version"):
            for column in sorted(there & set(_OF_RECORDS)):
                for (made,) in self.branches(model, [column]):
                    yield from self._of_one_stream(f"identifier|{column}", made)
        own_key = (self.canonical.get(canonical, {}).get("key") or [""])[0]
        keys = KEY_COLUMNS | ({own_key: own_key} if own_key and "identifier_value" in there else {})
        for column, key in keys.items():
            if column in there:
                is_own = canonical == "order_line" or key not in QUOTED_ELSEWHERE
                for (made,) in self.branches(model, [column]):
                    yield from self._of_one_stream(f"key|{system if is_own else ''}|{key}", made)
                    if is_own and key in QUOTED_ELSEWHERE:
                        yield from self._of_one_stream(f"key||{key}", made)

    def _identifiers(self, model: str, kind: str, value: str) -> Iterator[Token]:
        for named, valued in self.branches(model, [kind, value]):
            streams = relations_in(valued)
            if len(streams) == 1 and relations_in(named) <= streams:
                (relation,) = streams
                if label := self.label(relation):
                    reads = frozenset(column for _, column in columns_in(valued) | columns_in(named))
                    yield Token(label, f"'identifier|' || ({sql_of(named)})", sql_of(valued), reads)
            else:
                for text in sorted(texts_in(named)):
                    yield from self._of_one_stream(f"identifier|{text}", valued)

    def _of_one_stream(self, named: str, value: exp.Expression) -> Iterator[Token]:
        """The token of a value of one stream; of each column, where the value is made of several streams."""
        from sqlglot import exp

        relations = relations_in(value)
        text = "'" + named.replace("'", "''") + "'"
        if len(relations) == 1:
            (relation,) = relations
            if label := self.label(relation):
                yield Token(label, text, sql_of(value), frozenset(column for _, column in columns_in(value)))
            return
        for column in value.find_all(exp.Column):
            if label := self.label(column.table):
                yield Token(label, text, sql_of(column), frozenset({column.name}))

    def moments(self, model: str) -> Iterator[tuple[str, str]]:
        """The moments that the rows behind a contribution state: (stream, SQL)."""
        about = self.canonical.get(self.contributions[model][0], {})
        there = set(self.columns_of(model))
        for column in [*(about.get("moment") or []), *(about.get("later") or [])]:
            if column in there:
                for (value,) in self.branches(model, [column]):
                    relations = relations_in(value)
                    if len(relations) == 1 and (label := self.label(next(iter(relations)))):
                        yield label, sql_of(value)


def rules_of(
    lineage: StreamLineage,
    catalog: Catalog,
    landed: Mapping[tuple[str, str], Sequence[str]],
    personal: Mapping[str, frozenset[str]],
) -> RulesOfProject:
    """The rules of all streams of a catalog. landed: as in StreamLineage. personal: stream -> its personal columns."""
    found = RulesOfProject()
    tokens: dict[str, dict[tuple[str, str], Token]] = {}
    moments: dict[str, dict[str, None]] = {}
    for model in lineage.contributions:
        try:
            for token in lineage.tokens(model):
                tokens.setdefault(token.label, {})[token.named, token.value] = token
            for label, sql in lineage.moments(model):
                moments.setdefault(label, {})[sql] = None
        except LineageError as error:
            found.unfollowed.append(f"{model}: {error}")
    _share_columns(tokens, catalog, landed)
    for system, stream in catalog.streams():
        label = f"{system.name}/{stream.name}"
        own = list(tokens.get(label, {}).values())
        reads = {column for token in own for column in token.reads}
        at = ", ".join(f"try_cast({sql} as timestamp)" for sql in moments.get(label, {}))
        blanked = (reads | personal.get(label, frozenset())) - set(stream.key) if stream.books else frozenset[str]()
        found.streams[label] = StreamRules(
            tuple((token.named, token.value) for token in own),
            f"least({at})" if at else "",
            tuple(sorted(blanked)),
            stream.books.months if stream.books else 0,
            tuple(sorted(reads)),
        )
    return found


def _share_columns(
    tokens: dict[str, dict[tuple[str, str], Token]],
    catalog: Catalog,
    landed: Mapping[tuple[str, str], Sequence[str]],
) -> None:
    """A column that names a person or document in one stream does so in the other streams of its system, too: a line
    of an order has the order's number, and perhaps no contribution of its own. But the sole key of two streams, such as
    `id`, names two different things."""
    for system in catalog.systems.values():
        for stream in system.streams.values():
            label = f"{system.name}/{stream.name}"
            for other in system.streams.values():
                if other.name == stream.name:
                    continue
                for token in list(tokens.get(f"{system.name}/{other.name}", {}).values()):
                    (column,) = token.reads if len(token.reads) == 1 else ("",)
                    is_sole_key_of_both = (column,) == stream.key == other.key
                    if column and column in landed.get((system.name, stream.name), ()) and not is_sole_key_of_both:
                        own = tokens.setdefault(label, {})
                        if not any(known.named == token.named for known in own.values()):
                            own[token.named, token.value] = Token(label, token.named, token.value, token.reads)


def rules_of_project(project: DbtProject, catalog: Catalog, as_of: datetime) -> RulesOfProject:
    """The rules of an installation. Raises DbtError where its models cannot be compiled."""
    from orchestration.warehouse.staging_sources import declared_columns, personal_source_columns

    firm = project.firm
    landed: dict[tuple[str, str], Sequence[str]] = {}
    personal: dict[str, frozenset[str]] = {}
    contributions: dict[str, tuple[str, str]] = {}
    for system in catalog.systems.values():
        declared, tagged = (
            declared_columns(firm, system.staging_folder),
            personal_source_columns(firm, system.staging_folder),
        )
        for name in system.streams:
            origin = ("_dlt_load_id", "_source_file", "_source_row", "_source_day")
            landed[system.name, name] = [*declared.get(name, {}), *origin]
            personal[f"{system.name}/{name}"] = tagged.get(name, frozenset())
        contributions |= {model: (stream, system.name) for stream, model in firm.contributions(system.staging_folder)}
    canonical = {
        about["stream"]: about
        for node in project.manifest["nodes"].values()
        if (about := (node["config"].get("meta") or {}).get("canonical"))
    }
    queries = staging_queries(project, as_of)
    known = {model: about for model, about in contributions.items() if model in queries}
    return rules_of(StreamLineage(queries, landed, known, canonical), catalog, landed, personal)
