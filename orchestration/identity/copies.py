"""Equal records: one customer may have thousands. They teach and cost as much as a few, and stay together.

Of equal records the first MOST_COPIES are compared with all others; every further one is compared with the first of
them only, and follows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.identity.workspace import Workspace

MOST_COPIES = 10


def count_contents(work: Workspace) -> int:
    """The number of different records: equal ones count once."""
    return int(work.value(f"select count(distinct content) from {work.today}"))


def copies_are_gone(work: Workspace) -> bool:
    """Whether a record is gone with which further equal records were compared: then those need another one."""
    return bool(
        work.value(f"""
            select exists (
                from {{kept}}.comparable_record
                semi join {{work}}.outdated_record using (record_number)
                where copy <= {MOST_COPIES} and content in (
                    select content from {{kept}}.comparable_record where copy > {MOST_COPIES}
                )
            )
        """)
    )


def number_copies(work: Workspace, compared: Sequence[str], *, known: bool) -> None:
    """Adds to clean_record: content (hash of all that is compared) and copy (its place among equal ones)."""
    before = "0"
    if known:
        before = """coalesce((
            select max(copy) from {kept}.comparable_record as earlier
            where earlier.content = described.content
                and earlier.record_number not in (from {work}.outdated_record)
        ), 0)"""
    columns = ", ".join((*compared, "name_suffix"))
    work.run(f"""
        create or replace table {{work}}.clean_record as
        select *, {before} + row_number() over (partition by content order by record_number) as copy
        from (select *, hash({columns}) as content from {{work}}.clean_record) as described
    """)


def write_copy_pairs(work: Workspace, target: str) -> None:
    """Writes (record_number_l, record_number_r): the first of many equal records, and each that blocks leave out."""
    work.run(f"""
        create or replace table {target} as
        with equal as (
            select content, record_number, copy from {work.today}
            qualify max(copy) over (partition by content) > {MOST_COPIES}
        )
        select
            least(firsts.record_number, equal.record_number) as record_number_l,
            greatest(firsts.record_number, equal.record_number) as record_number_r
        from equal
        inner join (select content, arg_min(record_number, copy) as record_number from equal group by content) as firsts
            using (content)
        where equal.copy > {MOST_COPIES} and equal.record_number <> firsts.record_number
    """)
