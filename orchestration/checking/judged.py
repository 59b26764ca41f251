"""The firm's models on the newest deliveries: what waits in quarantine and why, and who is not known."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestration.checking.findings import Finding
from orchestration.checking.texts import StagingTexts
from orchestration.onboarding.profile import shape

if TYPE_CHECKING:
    import duckdb

    from orchestration.warehouse.dbt import DbtProject, NodeResult

CHECK = "check"  # by this run id, the macro `undecided` knows that all findings are wanted at once
_QUARANTINE = "model.context360.int_quarantined_row"
_MOST_FORMS = 3
_KNOWN_SHARE = 0.9  # of the identifiers of facts, so many should name a person
_OF_RECORDS = ("email", "phone", "loyalty_number", "national_id")


def build_staging(project: DbtProject, adapters: Collection[str], as_of: datetime) -> list[NodeResult]:
    """Builds the staging models and contributions of these staging folders, and judges them by the row rules."""
    nodes = project.manifest["nodes"]
    staging = {
        name
        for name, node in nodes.items()
        if node["resource_type"] == "model" and "staging" in node["fqn"] and node["fqn"][-2] in adapters
    }
    wanted: set[str] = set()
    todo = [*staging, _QUARANTINE, "model.context360.int_source_record"]
    while todo:
        name = todo.pop()
        if name in nodes and name not in wanted:
            wanted.add(name)
            todo += nodes[name]["depends_on"].get("nodes", [])
    return project.build(wanted, as_of=as_of, run_id=CHECK)


def faults_of_models(results: Collection[NodeResult], project: DbtProject) -> Iterator[Finding]:
    """Models that do not bind, each with its message."""
    for result in results:
        if result.status == "error":
            node = project.manifest["nodes"][result.unique_id]
            yield Finding("error", node["original_file_path"], result.message or "it does not bind", share=1.0)


def quarantined(
    connection: duckdb.DuckDBPyConnection, texts: StagingTexts, stream: str, relation: str, landed: str
) -> Iterator[Finding]:
    """Rows of a base model that break its rules, with the forms of what cannot be read."""
    total = _one(connection, f"select count(*) from {relation}")
    rules = connection.execute(
        f"select quarantine_rule, any_value(quarantine_reason), count(*) from {relation} "
        "where row_fate = 'quarantined' group by 1 order by 3 desc"
    ).fetchall()
    undecided = texts.undecided(texts.base(stream))
    for rule, reason, count in rules:
        column = re.sub(r"_is_(unreadable|missing)$", "", rule)
        if column in undecided:
            continue  # it has a finding of its own
        place = texts.place(texts.base(stream), rf"as (raw_)?{re.escape(column)}\b")
        forms = ""
        source = texts.landed_column(stream, column) if rule.endswith("_is_unreadable") else ""
        if source:
            forms = _forms(connection, relation, landed, rule, source)
        share = count / max(total, 1)
        yield Finding(
            "error" if share > 0.05 else "doubt",
            place,
            f"{stream}: {count:,} of {total:,} rows ({share:.1%}) wait in quarantine: {reason}{forms}",
            "read the form, or correct it at the source" if forms else "correct the model, or the source",
            share,
        )
    conflicts = _one(connection, f"select count(*) from {relation} where conflicting_key is not null")
    if conflicts:
        yield Finding(
            "error",
            texts.place(texts.base(stream), r"\bkey="),
            f"{stream}: {conflicts:,} rows have one key and different content, and nothing orders them",
            "write a key that distinguishes them, or the `version` that says which is newer",
            conflicts / max(total, 1),
        )


def _forms(connection: duckdb.DuckDBPyConnection, relation: str, landed: str, rule: str, source: str) -> str:
    rows = connection.execute(
        f"select {shape(f'cast(landed.{source} as varchar)')} as form, count(*) from {relation} as judged "
        f"inner join {landed} as landed using (_source_file, _source_row) where judged.quarantine_rule = $rule "
        f"group by 1 order by 2 desc, 1 limit {_MOST_FORMS}",
        {"rule": rule},
    ).fetchall()
    return "; forms: " + ", ".join(f"`{form}` ({count:,})" for form, count in rows)


def broken_row_rules(connection: duckdb.DuckDBPyConnection, texts: StagingTexts, system: str) -> Iterator[Finding]:
    """Contributed rows that break a row rule: unknown touchpoints, kinds, currencies and the rest."""
    rows = connection.execute(
        "select canonical_stream, quarantine_rule, any_value(quarantine_reason), count(*) "
        "from intermediate.int_quarantined_row where source_system = $system group by 1, 2",
        {"system": system},
    ).fetchall()
    for stream, rule, reason, count in rows:
        model = texts.folder / f"{texts.folder.name}__{stream}.sql"
        total = _one(connection, f'select count(*) from staging."{model.stem}"')
        column = re.sub(r"_is_\w+$", "", rule)
        share = count / max(total, 1)
        yield Finding(
            "error" if share > 0.05 else "doubt",
            texts.place(model, rf"\b{re.escape(column)},?$"),
            f"{stream}: {count:,} of {total:,} rows ({share:.1%}) break a row rule: {reason}",
            share=share,
        )


def unknown_people(
    connection: duckdb.DuckDBPyConnection, texts: StagingTexts, contributions: Mapping[str, str]
) -> Iterator[Finding]:
    """Facts whose identifier names no person. contributions: canonical stream -> relation."""
    known = " union all ".join(
        ["select identifier_kind, identifier_value from intermediate.int_delivered_identifier"]
        + [f"select '{kind}', {kind} from intermediate.int_source_record" for kind in _OF_RECORDS]
    )
    for stream, relation in contributions.items():
        columns = {row[0] for row in connection.execute(f"describe {relation}").fetchall()}
        if stream in ("identifier", "identifier_pair") or not {"identifier_kind", "identifier_value"} <= columns:
            continue
        rows = connection.execute(
            f"with known as (select distinct identifier_kind, cast(identifier_value as varchar) as identifier_value "
            f"from ({known})), named as (select distinct identifier_kind, cast(identifier_value as varchar) as "
            f"identifier_value from {relation} where identifier_value is not null) select identifier_kind, count(*), "
            "count(known.identifier_value) from named left join known using (identifier_kind, identifier_value) "
            "group by 1"
        ).fetchall()
        model = texts.folder / f"{texts.folder.name}__{stream}.sql"
        for kind, total, found in rows:
            if total and found / total < _KNOWN_SHARE:
                yield Finding(
                    "doubt",
                    texts.place(model, r"\bidentifier_value\b"),
                    f"{stream}: {found:,} of {total:,} distinct {kind} ({found / total:.1%}) name a person",
                    "contribute these people to source_record and identifier, or correct the kind",
                    1 - found / total,
                )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    found: Any = connection.execute(query).fetchone()
    return int(found[0]) if found else 0
