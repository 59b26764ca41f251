"""Which pairs of records are looked at: keys chosen from the data, bounded in pairs.

A key is a combination of values that two records of one person often share. Each key may propose a share of the pairs
that the budget allows; where its values are too common, the most common ones are left out until it fits.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

# Name → expression over a comparable record; null where a part is missing. The order is that of trust: where the budget
# does not suffice for all, the first come first.
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


@dataclass(frozen=True)
class Key:
    """A blocking key with the largest number of records that may share a value of it."""

    name: str
    column: str
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
    for place, (name, expression) in enumerate(KEYS.items()):
        share = max(budget // 5, 1)
        room = min(share, budget * 2 - proposed)  # keys propose each pair about twice
        # Sizes of blocks, added up from the small ones: how far does the room reach?
        row = work.rows(
            f"""
            with sizes as (
                select records, count(*) as values_, count(*) * records * (records - 1) // 2 as pairs
                from (select count(*) as records from {table} where ({expression}) is not null group by ({expression}))
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
            left_out.append(name)  # of a broad key, rare values alone are not worth the time
            continue
        chosen.append(Key(name, f"key_{place}", expression, most, pairs))
        proposed += pairs
    return chosen


def write_pairs(work: Workspace, keys: list[Key], target: str, *, changed_only: bool = False) -> int:
    """Writes the pairs that the keys propose, each once, as Splink's blocked pairs; returns how many.

    changed_only: only pairs with a record of the table `changed_record`. Values that more records share than the key
    may propose are left out, as counted over all records.
    """
    parts = []
    for key in keys:
        allowed = f"""
            select record_number, block from (
                select record_number, hash({key.expression}) as block,
                    count(*) over (partition by hash({key.expression})) as records
                from {{work}}.record where ({key.expression}) is not null
            ) where records between 2 and {key.most_records}
        """
        if changed_only:
            parts.append(f"""
                select least(l.record_number, r.record_number) as join_key_l,
                    greatest(l.record_number, r.record_number) as join_key_r
                from ({allowed}) as l
                semi join {{work}}.changed_record as changed on l.record_number = changed.record_number
                inner join ({allowed}) as r on l.block = r.block and l.record_number <> r.record_number
            """)
        else:
            parts.append(f"""
                select l.record_number as join_key_l, r.record_number as join_key_r
                from ({allowed}) as l
                inner join ({allowed}) as r on l.block = r.block and l.record_number < r.record_number
            """)
    if not parts:
        work.run(f"create or replace table {target} (match_key varchar, join_key_l bigint, join_key_r bigint)")
        return 0
    work.run(f"""
        create or replace table {target} as
        select '0' as match_key, join_key_l, join_key_r
        from ({" union all ".join(parts)})
        group by join_key_l, join_key_r
    """)
    return int(work.value(f"select count(*) from {target}"))
