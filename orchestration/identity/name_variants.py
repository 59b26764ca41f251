"""Short forms of given names, learned from the records: no list of nicknames, so it works in any language.

Two names are variants of each other if several people with one family name, birth date and address appear under both,
and hardly ever with different birth dates, as relatives would.
"""

from __future__ import annotations

from orchestration.identity.workspace import Workspace

_LEAST_PEOPLE = 3  # one pair of twins is a coincidence, three with the same two names are not
_MOST_CONTRADICTIONS = 0.25  # per agreement; siblings of a given pair of names contradict more often


def _add_names_in_addresses(work: Workspace, table: str) -> None:
    """Adds pairs of names from e-mail addresses: Kees with the address cornelis.hendriks@ has both names.

    Relatives also share an address, but under any two names; a variant is mostly the same other name.
    """
    work.run(f"""
        insert into {{work}}.name_pair
        with known as (select given_name from {table} where length(given_name) > 2 group by 1 having count(*) > 2),
        written as (
            select distinct given_name, family_name, email,
                unnest(regexp_extract_all(strip_accents(split_part(email, '@', 1)), '[a-z]{{3,}}')) as word
            from {table}
            where length(given_name) > 2 and family_name is not null and email is not null
        ),
        other_name as (
            select written.given_name, written.word, count(distinct hash(written.family_name, written.email)) as people
            from written
            inner join known on written.word = known.given_name
            where written.word <> written.given_name and not contains(written.family_name, written.word)
            group by all
        ),
        shares as (select *, people / sum(people) over (partition by given_name) as share from other_name)
        select least(given_name, word), greatest(given_name, word), sum(people)
        from shares
        where people >= {_LEAST_PEOPLE} and share >= 0.5
        group by all
    """)


def learn_name_roots(work: Workspace, table: str, columns: list[str]) -> int:
    """Learns the variants, keeps them in `name_root`, applies them to `table`; returns how many names have a root.

    columns: the informative ones; without names or birth dates nothing is learned.
    """
    work.run("create or replace table {kept}.name_root (name varchar, root varchar)")
    if {"given_name", "family_name", "birth_date"} <= set(columns):
        _learn(work, table)
    apply_name_roots(work, table)
    return int(work.value("select count(*) from {kept}.name_root"))


def apply_name_roots(work: Workspace, table: str) -> None:
    """Adds the column given_root to `table`: the commonest variant of the given name, as kept in `name_root`."""
    work.run(f"""
        create or replace table {table} as
        select records.*, coalesce(roots.root, records.given_name) as given_root
        from {table} as records
        left join {{kept}}.name_root as roots on records.given_name = roots.name
    """)


def _learn(work: Workspace, table: str) -> None:
    work.run(f"""
        create or replace table {{work}}.name_pair as
        with person as (
            select distinct given_name, family_name, birth_date, phone, email, postal_code
            from {table}
            where length(given_name) > 1 and family_name is not null and birth_date is not null
                and coalesce(phone, email, postal_code) is not null
        ),
        near as (
            {
        " union all ".join(
            f'''
            select l.given_name as one, r.given_name as other, l.birth_date = r.birth_date as agrees,
                l.family_name, least(l.birth_date, r.birth_date) as birth_date
            from person as l
            inner join person as r
                on l.{column} = r.{column} and l.family_name = r.family_name and l.given_name < r.given_name
            '''
            for column in ("phone", "email", "postal_code")
        )
    }
        ),
        counted as (
            select
                one,
                other,
                count(distinct hash(family_name, birth_date)) filter (where agrees) as agreements,
                count(distinct hash(family_name, birth_date)) filter (where not agrees) as contradictions
            from near
            group by one, other
        )
        select one, other, agreements
        from counted
        where agreements >= {_LEAST_PEOPLE} and contradictions <= {_MOST_CONTRADICTIONS} * agreements
    """)
    _add_names_in_addresses(work, table)
    if not work.value("select count(*) from {work}.name_pair"):
        return
    work.run(f"""
        insert into {{kept}}.name_root
        with used as (select given_name, count(*) as records from {table} group by 1),
        both_ways as (
            select one as name, other as variant, agreements from {{work}}.name_pair
            union all
            select other, one, agreements from {{work}}.name_pair
        ),
        best as (
            -- The commonest name of each family of variants represents all of them.
            select both_ways.name, arg_max(variant, (both_ways.agreements, theirs.records, variant)) as root
            from both_ways
            inner join used as ours on both_ways.name = ours.given_name
            inner join used as theirs on both_ways.variant = theirs.given_name
            where (theirs.records, variant) > (ours.records, both_ways.name)
            group by both_ways.name
        )
        select best.name, coalesce(further.root, best.root) as root
        from best
        left join best as further on best.root = further.name
    """)
