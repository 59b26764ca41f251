"""Values that identify no one: placeholders, identifiers that very many people share, and invented birth dates."""

from __future__ import annotations

from orchestration.counts import counted
from orchestration.firm.placeholders import is_placeholder
from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

# If very many records share a value of these, it is a placeholder or a switchboard.
PERSONAL = ("email", "phone", "national_id", "loyalty_number")
EMPTIED = ("birth_date", *PERSONAL)
# The known records before uninformative values were emptied.
UNFILTERED = f"""(
    select records.* replace ({", ".join(f"coalesce(records.{c}, emptied.{c}) as {c}" for c in EMPTIED)})
    from {{kept}}.comparable_record as records
    left join {{kept}}.emptied_value as emptied using (record_number)
)"""


def _everyone(known: bool) -> str:
    """SQL of all records of today before values are emptied."""
    if not known:
        return "{work}.clean_record"
    columns = f"record_number, given_name, family_name, {', '.join(EMPTIED)}"
    return f"""(
        select {columns} from {{work}}.clean_record
        union all
        select {columns} from {UNFILTERED} anti join {{work}}.outdated_record using (record_number)
    )"""


def find_shared_values(work: Workspace, rules: Rules, known: bool) -> None:
    """Writes shared_value: addresses and numbers that very many records of different people share.

    Of known records, only values that came, went, or were shared before are counted.
    """
    who = "coalesce(left(family_name, 3), '') || coalesce(left(given_name, 1), '') || coalesce(birth_date, '')"
    work.run("create or replace table {work}.shared_value (identifier_kind varchar, identifier_value varchar, "
             "record_count bigint)")  # fmt: skip
    for column in PERSONAL:
        candidates = f"""
            and {column} in (
                select {column} from {{work}}.clean_record
                union all
                select {column} from {UNFILTERED} semi join {{work}}.outdated_record using (record_number)
                union all
                select identifier_value from {{kept}}.shared_value where identifier_kind = '{column}'
            )
        """
        work.run(
            f"""
            insert into {{work}}.shared_value
            select '{column}', {column}, count(*)
            from {_everyone(known)}
            where {column} is not null {candidates if known else ""}
            group by {column}
            having count(*) > ? and (count(distinct nullif({who}, '')) > ? or count(nullif({who}, '')) = 0)
            """,
            [rules.most_records_per_value, rules.most_records_per_value // 2],
        )


def empty_shared_values(work: Workspace, rules: Rules) -> None:
    for column, values, shared in work.rows("""
        select identifier_kind, count(*), sum(record_count) from {work}.shared_value group by 1 order by 1
    """):
        work.run(f"""
            update {{work}}.clean_record set {column} = null
            where {column} in (select identifier_value from {{work}}.shared_value where identifier_kind = '{column}')
        """)
        work.note(
            f"{counted(values, 'value')} of {column} in {counted(shared, 'record')}, more than "
            f"{rules.most_records_per_value} each: ignored, as they identify no person."
        )


def find_placeholder_dates(work: Workspace, rules: Rules) -> None:
    """Writes placeholder_date: birth dates of far too many people, such as 1900-01-01.

    Records of one name count once: a customer with many records has one birth date.
    """
    people = """
        count(distinct concat_ws(' ', given_name, family_name)) filter (coalesce(given_name, family_name) is not null)
            + count(*) filter (coalesce(given_name, family_name) is null)
    """
    work.run(
        f"""
        create or replace table {{work}}.placeholder_date as
        with counted as (
            select birth_date, count(*) as record_count, {people} as people_count
            from {_everyone(work.today != "{work}.clean_record")}
            where birth_date is not null group by 1
        )
        select birth_date, record_count
        from counted
        where people_count > greatest(
            ?,
            case when birth_date like '%-01-01' then 5 else 40 end
                * (select quantile_cont(people_count, 0.9) from counted),
            case when birth_date like '%-01-01' then 0.002 else 0.02 end * (select sum(people_count) from counted)
        )
        """,
        [rules.most_records_per_value],
    )


def empty_placeholder_dates(work: Workspace) -> None:
    dates, records = work.rows("select count(*), sum(record_count) from {work}.placeholder_date")[0]
    if dates:
        work.run("""
            update {work}.clean_record set birth_date = null
            where birth_date in (select birth_date from {work}.placeholder_date)
        """)
        occur = "occurs" if dates == 1 else "occur"
        work.note(f"{counted(dates, 'birth date')} of {records:,} records {occur} far too often: ignored.")


def empty_placeholders(work: Workspace, rules: Rules) -> None:
    """Empties identifiers that name no one, such as null and 0000000; notes how many."""
    for column in PERSONAL:
        found = is_placeholder(column, f"'{column}'", rules.placeholder_identifiers)
        (emptied,) = work.run(f"update {{work}}.clean_record set {column} = null where {found}").fetchone() or (0,)
        if emptied:
            work.note(
                f"{emptied:,} value{'s' * (emptied > 1)} of {column} are placeholders such as 000000: ignored.",
                alert=True,
            )
