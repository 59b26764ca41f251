"""Identifiers (long: source record × identifier) and the pairs of records that rules link.

Writes `identifier` and `ignored_identifier` into the results' schema, and the rules' pairs into the scratch database.
"""

from __future__ import annotations

from orchestration.counts import counted
from orchestration.firm.placeholders import is_placeholder
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace


def write_identifiers(work: Workspace, identifiers: str | None, rules: Rules) -> None:
    """Writes `identifier` (record_number, kind, value) of all records, and sets aside values that too many share.

    identifiers: table (source_system, source_record_id, identifier_kind, identifier_value); without it they are taken
    from the comparable records.
    """
    if identifiers is None:
        source = _DERIVED
    else:
        source = f"""
            select distinct records.record_number, given.kind, given.value
            from {_given(identifiers, rules)} as given
            inner join {{work}}.clean_record as records using (source_system, source_record_id)
        """
    work.run(f"create or replace table {{work}}.identifier as {source}")
    _set_aside(work, rules)


def write_changed_identifiers(work: Workspace, identifiers: str | None, rules: Rules) -> None:
    """Writes touched_value (kind, value): values that changed, or whose records changed; and their records to
    `identifier`. Sets aside the values that too many records share.

    All other identifiers stay as the last call kept them.
    """
    if identifiers is None:
        work.run(f"create or replace table {{work}}.added_identifier as {_DERIVED}")
        gone = "record_number in (from {work}.outdated_record)"
    else:
        row = "hash(source_system, source_record_id, kind, value)"
        kept = "hash(source_system, source_record_id, identifier_kind, identifier_value)"
        work.run(f"create or replace table {{work}}.given_identifier as from {_given(identifiers, rules)}")
        left = "(from {work}.outdated_record anti join {work}.clean_record using (record_number))"
        work.run(f"""
            create or replace table {{work}}.added_identifier as
            select records.record_number, given.kind, given.value
            from (
                select distinct *
                from {{work}}.given_identifier
                where {row} not in (select {kept} from {{kept}}.identifier where record_number not in {left})
            ) as given
            inner join {work.today} as records using (source_system, source_record_id)
        """)
        gone = f"record_number in {left} or {kept} not in (select {row} from {{work}}.given_identifier)"
    work.run(f"""
        create or replace table {{work}}.removed_identifier as
        select record_number, identifier_kind as kind, identifier_value as value from {{kept}}.identifier where {gone};

        create or replace table {{work}}.touched_value as
        select kind, value from {{work}}.added_identifier
        union
        select kind, value from {{work}}.removed_identifier
        union
        select identifier_kind, identifier_value from {{kept}}.identifier
        where record_number in (from {{work}}.changed_record);

        create or replace table {{work}}.identifier as
        select record_number, identifier_kind as kind, identifier_value as value
        from {{kept}}.identifier
        where (identifier_kind, identifier_value) in (select kind, value from {{work}}.touched_value)
            and (record_number, identifier_kind, identifier_value) not in (
                select record_number, kind, value from {{work}}.removed_identifier
            )
        union
        from {{work}}.added_identifier;

        create or replace table {{work}}.named_identifier as
        select records.source_system, records.source_record_id, kind, value, record_number
        from {{work}}.identifier
        inner join {work.today} as records using (record_number)
    """)
    _set_aside(work, rules)


_DERIVED = """
    select record_number, kind, value from (
        select record_number, unnest([
            {'kind': 'email', 'value': email},
            {'kind': 'phone', 'value': phone},
            {'kind': 'phone_and_birth_date', 'value': phone || '|' || birth_date},
            {'kind': 'national_id', 'value': national_id},
            {'kind': 'loyalty_number', 'value': loyalty_number}
        ], recursive := true)
        from {work}.unfiltered_record
    ) where value is not null
"""


def _given(identifiers: str, rules: Rules) -> str:
    found = is_placeholder("cast(identifier_value as varchar)", "identifier_kind", rules.placeholder_identifiers)
    return f"""(
        select
            cast(source_system as varchar) as source_system,
            cast(source_record_id as varchar) as source_record_id,
            cast(identifier_kind as varchar) as kind,
            lower(trim(
                case when regexp_matches(cast(identifier_value as varchar), '[^ -~]')
                    then nfkc(cast(identifier_value as varchar)) else cast(identifier_value as varchar) end
            )) as value
        from {identifiers}
        where nullif(trim(cast(identifier_value as varchar)), '') is not null and not {found}
    )"""


def _set_aside(work: Workspace, rules: Rules) -> None:
    """Writes common_value: values that more records share than one person can have, unless they name one person."""
    work.run(
        f"""
        create or replace table {{work}}.common_value as
        select identifiers.kind, identifiers.value, count(*) as record_count
        from {{work}}.identifier as identifiers
        inner join {work.today} as records using (record_number)
        group by all
        having count(*) > $limit and (
            count(records.given_name) + count(records.birth_date) = 0
            or count(distinct coalesce(left(records.given_name, 1), '') || coalesce(records.birth_date, ''))
                > $limit / 2
        )
        """.replace("$limit", str(rules.most_records_per_value))
    )


def note_ignored(work: Workspace, rules: Rules) -> int:
    """Notes the values that were set aside in `ignored_identifier`; returns how many of them could have linked.

    The notes hold counts only, as the values are personal data.
    """
    for kind, values, records in work.rows("""
        select identifier_kind, count(*), sum(record_count)
        from {kept}.ignored_identifier
        where identifier_kind not in (select identifier_kind from {kept}.shared_value)
        group by 1 order by 1
    """):
        work.note(
            f"{counted(values, 'value')} of {kind} in {counted(records, 'record')}, more than "
            f"{rules.most_records_per_value} each: ignored, as they identify no person."
        )
    linking = ", ".join(f"'{kind}'" for kind in rules.kinds("one_person", "may_be_shared"))
    return int(work.value(f"select count(*) from {{kept}}.ignored_identifier where identifier_kind in ({linking})"))


def write_rule_pairs(work: Workspace, rules: Rules, target: str) -> None:
    """Writes (record_number_l, record_number_r, rule, sharing): pairs of records that share a value that links.

    Up to 10 records of one value are all paired; beyond that, each with the first and the next one, so that a value in
    n records makes 2 n pairs and not n².
    """
    kinds = ", ".join(f"('{rule.identifier}', '{rule.sharing}')" for rule in rules.rules)
    work.run(f"""
        create or replace table {target} as
        with rule as (
            select * from (values {kinds}) as rule(kind, sharing) where sharing <> 'may_change_hands'
        ),
        numbered as (
            select
                identifiers.kind,
                rule.sharing,
                identifiers.value,
                identifiers.record_number,
                row_number() over same_value as place,
                count(*) over (partition by identifiers.kind, identifiers.value) as records
            from {{work}}.identifier as identifiers
            inner join rule using (kind)
            anti join {{work}}.common_value as common
                on identifiers.kind = common.kind and identifiers.value = common.value
            window same_value as (partition by identifiers.kind, identifiers.value order by identifiers.record_number)
        )
        select
            l.record_number as record_number_l, r.record_number as record_number_r, l.kind as rule, l.sharing,
            hash(l.value) as block
        from numbered as l
        inner join numbered as r on l.kind = r.kind and l.value = r.value and l.place < r.place
        where l.records <= 10 or l.place = 1 or r.place = l.place + 1
        group by all
    """)
