"""Which pairs of records are compared: blocking keys chosen from the data, within a budget of pairs.

A key is a combination of values that two records of one person often share. Each key may propose a share of the pairs
that the budget allows; the most common values are left out until it fits.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.identity.copies import MOST_COPIES
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

# Name → expression over a comparable record; null if a part is missing. In order of trust: if the budget does not
# suffice for all, the first keys get it.
KEYS = {
    "national id": "national_id",
    "loyalty number": "loyalty_number",
    "email": "email",
    "phone": "phone",
    "birth date and given name": "birth_date || left(given_name, 3)",
    "birth date and family name": "birth_date || left(family_name, 3)",
    "both names": "least(given_name, family_name) || ' ' || greatest(given_name, family_name)",
    "birth date and postal code": "birth_date || postal_code",
    "street, number and given name": "left(street, 5) || house_number || left(given_name, 1)",
    "postal code and given name": "postal_code || left(given_name, 3)",
    "postal code and family name": "postal_code || left(family_name, 3)",
    "postal code, number": "postal_code || house_number",
    "street and number": "street || house_number",
    "name before the @": "case when length(split_part(email, '@', 1)) > 4 then split_part(email, '@', 1) end",
    "family name, initial and birth year": "family_name || left(given_name, 1) || left(birth_date, 4)",
    "given name, initial and birth year": "given_name || left(family_name, 1) || left(birth_date, 4)",
    "birth date": "birth_date",
    "family name, initial and town": "family_name || left(given_name, 1) || left(city, 4)",
    "given name, initial and town": "given_name || left(family_name, 1) || left(city, 4)",
    "street and given name": "street || left(given_name, 2)",
    "street and family name": "street || left(family_name, 2)",
    "family name and initial": "family_name || left(given_name, 1)",
    "given name and initial": "given_name || left(family_name, 2)",
    "birthday, family name": "substr(birth_date, 6, 5) || left(family_name, 2)",
    "birth month, family name": "left(birth_date, 7) || family_name",
    "birth month, given name": "left(birth_date, 7) || given_name",
    "postal code and birth year": "postal_code || left(birth_date, 4)",
    "name before the digits": "case when length(regexp_extract(email, '^[a-z._-]{6,}')) > 6 "
    "then regexp_extract(email, '^[a-z._-]{6,}') end",
    "town and birth year": "city || left(birth_date, 4) || left(family_name, 1)",
    "family name": "family_name",
    "given name and town": "given_name || city",
}  # fmt: skip


_GROWTH = 4  # times: a value that has grown beyond that since the model was learned needs a new model


@dataclass(frozen=True)
class Key:
    """A blocking key (place: its number in KEYS) and the most records that may share one of its values."""

    name: str
    place: int
    expression: str
    most_records: int
    pairs: int


def choose_keys(work: Workspace, table: str, rules: Rules, records: int) -> list[Key]:
    """The keys that the data and the budget allow, each with its bound.

    table: comparable records. The budget is rules.pairs_per_record pairs per record, at least rules.least_pairs.
    """
    budget = max(rules.pairs_per_record * records, rules.least_pairs)
    chosen: list[Key] = []
    proposed = 0
    left_out = []
    present = f"from {table} where copy <= {MOST_COPIES}"
    filled = work.rows(f"select {', '.join(f'count({expression})' for expression in KEYS.values())} {present}")[0]
    for place, (name, expression) in enumerate(KEYS.items()):
        if filled[place] < 2:
            continue
        share = max(budget // 5, 1)
        room = min(share, budget * 2 - proposed)  # keys propose each pair about twice
        # Add up block sizes from the small ones, as far as the room reaches.
        row = work.rows(
            f"""
            with sizes as (
                select records, count(*) as values_, count(*) * records * (records - 1) // 2 as pairs
                from (
                    select count(*) as records {present} and ({expression}) is not null group by ({expression})
                )
                where records > 1
                group by records
            ),
            summed as (select *, sum(pairs) over (order by records) as so_far from sizes)
            select
                coalesce(max(records) filter (where so_far <= ? and records <= ?), 0),
                coalesce(max(so_far) filter (where so_far <= ? and records <= ?), 0),
                coalesce(sum(pairs), 0)
            from summed
            """,
            [room, rules.most_records_per_key, room, rules.most_records_per_key],
        )[0]
        most, pairs, all_pairs = int(row[0]), int(row[1]), int(row[2])
        if pairs == 0:
            continue
        if place > 15 and pairs < all_pairs // 20:
            left_out.append(name)  # rare values of a broad key are not worth the time
            continue
        chosen.append(Key(name, place, expression, most, pairs))
        proposed += pairs
    return chosen


def write_common_blocks(work: Workspace, keys: list[Key]) -> None:
    """Keeps the values of each key that too many records share; they propose no pairs as long as the model is used."""
    parts = " union all ".join(
        f"""
        select {key.place} as key, hash({key.expression}) as block
        from {{work}}.record where ({key.expression}) is not null and copy <= {MOST_COPIES}
        group by 2 having count(*) > {key.most_records}
        """
        for key in keys
    )
    work.run("create or replace table {kept}.common_block (key utinyint, block ubigint)")
    if parts:
        work.run(f"insert into {{kept}}.common_block {parts}")


def write_blocks(work: Workspace, keys: list[Key], *, changed_only: bool) -> bool:
    """Writes `block` (key, block, record_number); returns whether a value has outgrown what its key may propose.

    changed_only: only values of records in `fresh_record`, among them and the known records.
    """
    work.run("create or replace table {work}.block (key utinyint, block ubigint, record_number bigint)")
    for key in keys:
        common = f"(select block from {{kept}}.common_block where key = {key.place})"
        if not changed_only:
            work.run(f"""
                insert into {{work}}.block
                select {key.place}, hash({key.expression}) as block, record_number
                from {{work}}.record
                where ({key.expression}) is not null and copy <= {MOST_COPIES} and block not in {common}
                qualify count(*) over (partition by block) > 1
            """)
            continue
        # A record without this key has the hash of null, which is not a block: no need to exclude it.
        work.run(f"""
            create or replace table {{work}}.fresh_block as
            select hash({key.expression}) as block, record_number
            from {{work}}.fresh_record
            where ({key.expression}) is not null and copy <= {MOST_COPIES} and block not in {common};
            insert into {{work}}.block
            select {key.place}, block, record_number from {{work}}.fresh_block
            union all
            select {key.place}, block, record_number
            from (
                select hash({key.expression}) as block, record_number from {{kept}}.comparable_record
                where copy <= {MOST_COPIES}
            )
            where block in (select block from {{work}}.fresh_block)
                and record_number not in (from {{work}}.outdated_record)
        """)
    if not keys:
        return False
    most = " ".join(f"when {key.place} then {_GROWTH * key.most_records}" for key in keys)
    return bool(
        work.value(f"""
            select count(*) from (
                select 1 from {{work}}.block group by key, block having count(*) > case key {most} end
            )
        """)
    )


def write_pairs(work: Workspace, target: str, *, changed_only: bool) -> int:
    """Writes the pairs that share a block, each once, as Splink's blocked pairs; returns how many.

    changed_only: only pairs with a record in `changed_record`.
    """
    if changed_only:
        pairs = """
            select least(l.record_number, r.record_number) as join_key_l,
                greatest(l.record_number, r.record_number) as join_key_r
            from (from {work}.block semi join {work}.changed_record using (record_number)) as l
            inner join {work}.block as r
                on l.key = r.key and l.block = r.block and l.record_number <> r.record_number
        """
    else:
        pairs = """
            select l.record_number as join_key_l, r.record_number as join_key_r
            from {work}.block as l
            inner join {work}.block as r on l.key = r.key and l.block = r.block and l.record_number < r.record_number
        """
    work.run(f"""
        create or replace table {target} as
        select '0' as match_key, join_key_l, join_key_r from ({pairs}) group by join_key_l, join_key_r
    """)
    work.run("drop table {work}.block")
    return int(work.value(f"select count(*) from {target}"))
