"""Identifiers (long: source record × identifier) and the pairs of records that rules link.

Writes `identifier` and `ignored_identifier` into the results' schema, and the rules' pairs into the scratch database.
"""

from __future__ import annotations

from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace


def write_identifiers(work: Workspace, identifiers: str | None, rules: Rules) -> int:
    """Writes the identifiers, and sets aside values that too many records share; returns how many values that are.

    identifiers: table (source_system, source_record_id, identifier_kind, identifier_value); without it they are taken
    from the comparable records.
    """
    if identifiers is None:
        source = """
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
    else:
        source = f"""
            select distinct records.record_number, given.identifier_kind as kind,
                lower(trim(cast(given.identifier_value as varchar))) as value
            from {identifiers} as given
            inner join {{work}}.clean_record as records using (source_system, source_record_id)
            where nullif(trim(cast(given.identifier_value as varchar)), '') is not null
        """
    work.run(f"create or replace table {{work}}.identifier as {source}")
    work.run("""
        create or replace table {kept}.identifier as
        select
            records.source_system, records.source_record_id, identifiers.kind as identifier_kind,
            identifiers.value as identifier_value
        from {work}.identifier as identifiers
        inner join {work}.clean_record as records using (record_number)
    """)
    return _set_aside(work, rules)


def _set_aside(work: Workspace, rules: Rules) -> int:
    """Values that more records share than one person can have, unless these records name one person.

    The values themselves are personal data: how many there are is enough to go and look.
    """
    work.run(
        """
        create or replace table {work}.common_value as
        select identifiers.kind, identifiers.value, count(*) as record_count
        from {work}.identifier as identifiers
        inner join {work}.clean_record as records using (record_number)
        group by all
        having count(*) > $limit and (
            count(records.given_name) + count(records.birth_date) = 0
            or count(distinct coalesce(left(records.given_name, 1), '') || coalesce(records.birth_date, ''))
                > $limit / 2
        )
        """.replace("$limit", str(rules.most_records_per_value))
    )
    work.run("""
        create or replace table {kept}.ignored_identifier as
        select kind as identifier_kind, md5(value) as identifier_hash, record_count from {work}.common_value
    """)
    for kind, values, records in work.rows("""
        select kind, count(*), sum(record_count)
        from {work}.common_value
        where kind not in (select identifier_kind from {work}.shared_value)
        group by 1 order by 1
    """):
        work.note(
            f"{values:,} value{'s' * (values > 1)} of {kind} stand in {records:,} records, more than "
            f"{rules.most_records_per_value} each: ignored, as they point at nobody."
        )
    linking = ", ".join(f"'{kind}'" for kind in rules.kinds("one_person", "may_be_shared"))
    return int(work.value(f"select count(*) from {{work}}.common_value where kind in ({linking})"))


def write_rule_pairs(work: Workspace, rules: Rules, target: str) -> None:
    """Writes (record_number_l, record_number_r, rule, sharing): pairs of records that share a value that links.

    Up to 10 records of one value are all paired; of more, each with the first and with the next one, so that a value in
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
