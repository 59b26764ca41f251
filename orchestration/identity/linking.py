"""Decides which source records are one customer: identifiers → links → clusters → assignment.

This module only orders the steps; each step is a module of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.identity.assignment import assign_numbers, keep_assignment
from orchestration.identity.blocking import (
    choose_keys,
    write_blocks,
    write_common_blocks,
    write_pairs,
)
from orchestration.identity.changes import (
    drop_unaffected,
    gather_records,
    narrow_to_affected,
    write_affected,
    write_changed,
    write_new_certain_pairs,
)
from orchestration.identity.contradictions import measure_contradictions
from orchestration.identity.copies import copies_are_gone, count_contents, write_copy_pairs
from orchestration.identity.decisions import Decision, read_decisions, write_decisions
from orchestration.identity.evidence import add_patterns, calibrate, judge
from orchestration.identity.experience import untrained_model
from orchestration.identity.grouping import write_clusters
from orchestration.identity.identifiers import (
    note_ignored,
    write_changed_identifiers,
    write_identifiers,
    write_rule_pairs,
)
from orchestration.identity.memory import (
    count_frequencies,
    forget_model,
    has_memory,
    remember,
    remembered_model,
    write_judged_pair,
    write_record,
)
from orchestration.identity.model import (
    EVERY_PAIR,
    LEAST_WEIGHT,
    LinkageModel,
    informative_columns,
    learn,
    score,
)
from orchestration.identity.name_variants import apply_name_roots, learn_name_roots
from orchestration.identity.records import complete_records, read_records
from orchestration.identity.results import counted, note_groups, write_results
from orchestration.identity.rule_links import judge_rule_pairs
from orchestration.identity.rules import Rules, read_rules
from orchestration.identity.workspace import Workspace, workspace


@dataclass(frozen=True)
class LinkResult:
    """What link_records decided: names of tables in the warehouse, a few counts, and sentences.

    assignments: (source_system, source_record_id, customer_id, match_probability), one row per source record.
    links: the evidence, one row per linked pair of records and rule, or model.
    refused: the pairs that look alike and were not linked, with the reason.
    ignored_values: identifier values that too many records share to identify a person.
    notes: what was ignored and why, and what the data cannot support; never a value of a record.
    alerts: the notes that a person should read after every run.
    """

    assignments: str
    links: str
    records: int
    customers: int
    new_customers: int
    merged_customers: int
    ignored_values: int
    notes: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    refused: str = ""


def link_records(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    *,
    identifiers: str | None = None,
    as_of: datetime | None = None,
    schema: str = "identity",
    rules_files: Sequence[Path] = (),
    decisions: Path | None = None,
    relearn: bool | None = None,
) -> LinkResult:
    """Decide which records are the same person and give every customer a durable number.

    records: table with one row per source record: source_system, source_record_id, given_name, family_name, birth_date,
        gender, email, phone, street, house_number, postal_code, city, region, country, national_id, loyalty_number.
        Columns may be empty or absent.
    identifiers: table (source_system, source_record_id, identifier_kind, identifier_value) with every identifier of the
        records; without it the identifiers are derived from the records.
    as_of: when the decision counts from (naive UTC); recorded with merged and split customers.
    schema: the schema of the results and of the memory of earlier calls.
    rules_files: what differs from the neutral rules.yml, the last file on top.
    decisions: a reviewed YAML file of records that are the same, or not the same.
    relearn: True learns the model again, False keeps the learned one; by default as the rules say.

    An unchanged input keeps every number. A merged customer keeps the number of its larger part. Raises ValueError
    if a record has no key or a key appears twice, and if a file cannot be used.
    """
    rules = read_rules(*rules_files)
    reviewed = read_decisions(decisions)
    with workspace(connection, schema) as work:
        counts = _link(work, records, identifiers, rules, reviewed, as_of, relearn)
        notes, alerts = tuple(work.notes), tuple(work.alerts)
    return LinkResult(
        assignments=f"{schema}.assignment",
        links=f"{schema}.link",
        refused=f"{schema}.refused_link",
        notes=notes,
        alerts=alerts,
        **counts,
    )


def _link(
    work: Workspace,
    records: str,
    identifiers: str | None,
    rules: Rules,
    reviewed: list[Decision],
    as_of: datetime | None,
    relearn: bool | None,
) -> dict[str, int]:
    """The steps of link_records in order; returns its counts."""
    own_identifiers = identifiers is None
    known = not relearn and has_memory(work, rules, own_identifiers=own_identifiers)
    count = read_records(work, records, rules, known=known)
    write_decisions(work, reviewed)
    contents = count_contents(work)
    columns = informative_columns(work, work.today, contents, rules.least_records_to_learn)
    model = remembered_model(work, rules, columns, count, relearn)
    fresh = False
    incremental = known and model is not None and not copies_are_gone(work) and _prepared_changes(work, model)
    if incremental and model is not None:
        _write_changed_links(work, model, rules, identifiers)
    else:
        if known:
            complete_records(work)
        write_identifiers(work, identifiers, rules)
        fresh = model is None or (not known and not _prepared(work, model)) or known
        if fresh or model is None:
            model = _learned_model(work, rules, columns, contents)
            model.records = count
        _write_links(work, model, rules, fresh=fresh)
    write_clusters(work, model, rules)
    write_results(work, rules)
    counts = assign_numbers(work, as_of, whole=not incremental)
    with work.all_or_nothing():
        keep_assignment(work, as_of, whole=not incremental)
        remember(work, model, rules, as_of, fresh=fresh, whole=not incremental, own_identifiers=own_identifiers)
    counts |= counted(work)
    counts["ignored_values"] = note_ignored(work, rules)
    note_groups(work, rules)
    return counts


_OUTGROWN = "Some values have become so common that the model was learned again."


def _prepared(work: Workspace, model: LinkageModel) -> bool:
    """Prepares all records for a remembered model; False if a value has outgrown its blocking."""
    apply_name_roots(work, "{work}.clean_record")
    write_record(work, "{work}.record")
    outgrown = write_blocks(work, model.keys, changed_only=False)
    if outgrown:
        work.note(_OUTGROWN)
        work.run("alter table {work}.clean_record drop column given_root")
    return not outgrown


def _prepared_changes(work: Workspace, model: LinkageModel) -> bool:
    """Prepares the changed records for the remembered model; False if a value has outgrown its blocking."""
    write_changed(work)
    work.run("create or replace table {work}.plain_record as from {work}.clean_record")
    apply_name_roots(work, "{work}.clean_record")
    write_record(work, "{work}.fresh_record")
    work.run("create or replace table {work}.clean_record as from {work}.plain_record; drop table {work}.plain_record")
    outgrown = write_blocks(work, model.keys, changed_only=True)
    if outgrown:
        work.note(_OUTGROWN)
    return not outgrown


def _learned_model(work: Workspace, rules: Rules, columns: list[str], count: int) -> LinkageModel:
    """A model of today's records, not yet calibrated: that needs scored pairs."""
    forget_model(work)
    if learn_name_roots(work, "{work}.clean_record", columns):
        columns = [*columns, "given_root"]
    count_frequencies(work)
    write_record(work, "{work}.record")
    model = untrained_model(work, columns, choose_keys(work, "{work}.record", rules, count), count)
    write_common_blocks(work, model.keys)
    write_blocks(work, model.keys, changed_only=False)
    if not model.comparisons:
        work.note("The records have no comparable columns: only rules link them.")
        return model
    if count < rules.least_records_to_learn:
        records = "1 record is" if count == 1 else f"{count:,} records are"
        work.note(f"{records} too few to learn from: general experience is used.")
        return model
    return learn(work, columns, model.keys, count)


def _write_links(work: Workspace, model: LinkageModel, rules: Rules, *, fresh: bool) -> None:
    """Writes `judged`: all pairs of rules, decisions and model."""
    write_rule_pairs(work, rules, "{work}.rule_pair")
    write_copy_pairs(work, "{work}.copy_pair")
    work.run("""
        create or replace table {work}.certain_pair as
        select '0' as match_key, record_number_l as join_key_l, record_number_r as join_key_r
        from (
            select record_number_l, record_number_r from {work}.rule_pair
            union
            select record_number_l, record_number_r from {work}.decision
            union
            select record_number_l, record_number_r from {work}.copy_pair
        )
    """)
    write_pairs(work, "{work}.blocked_pair", changed_only=False)
    _score_pairs(work, model, rules, is_new=fresh)
    work.run("create or replace table {work}.judged as from {work}.scored_judgement")
    judge_rule_pairs(work, model, rules, "{work}.rule_pair", "{work}.judged", measure=fresh)


def _write_changed_links(work: Workspace, model: LinkageModel, rules: Rules, identifiers: str | None) -> None:
    """Writes `judged`: the pairs in all groups of records that a change touches; scores new pairs only."""
    write_changed_identifiers(work, identifiers, rules)
    write_rule_pairs(work, rules, "{work}.rule_pair")
    write_copy_pairs(work, "{work}.copy_pair")
    write_new_certain_pairs(work)
    write_pairs(work, "{work}.blocked_pair", changed_only=True)
    gather_records(
        work,
        """
        select unnest([join_key_l, join_key_r]) from {work}.blocked_pair
        union
        select unnest([join_key_l, join_key_r]) from {work}.certain_pair
        """,
    )
    _score_pairs(work, model, rules)
    write_affected(work, rules)
    narrow_to_affected(work)
    judge_rule_pairs(work, model, rules, "{work}.rule_pair", "{work}.judged", measure=False)
    drop_unaffected(work)


def _score_pairs(work: Workspace, model: LinkageModel, rules: Rules, *, is_new: bool = False) -> None:
    """Writes `scored_judgement` of the pairs in certain_pair and blocked_pair, and `judged_pair` for the next call.

    is_new: the model is to be calibrated on these pairs.
    """
    work.run("""
        create or replace table {work}.certain_pair as
        select certain.*, blocked.join_key_l is not null as is_blocked
        from {work}.certain_pair as certain
        left join {work}.blocked_pair as blocked using (join_key_l, join_key_r);
        create or replace table {work}.blocked_pair as
        from {work}.blocked_pair anti join {work}.certain_pair using (join_key_l, join_key_r);
    """)
    score(work, model, {"certain_pair": EVERY_PAIR, "blocked_pair": LEAST_WEIGHT}, "{work}.scored")
    if is_new:
        measure_contradictions(work, model, "{work}.scored")
    add_patterns(work, model, rules, "{work}.scored")
    if is_new:
        calibrate(work, model, "{work}.scored")
    judge(work, model, "{work}.scored", "{work}.scored_judgement")
    work.run("drop table {work}.scored")
    write_judged_pair(work, rules)
