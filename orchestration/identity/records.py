"""Source records made comparable: one spelling per value, what says nothing emptied, and how often each value occurs.

Writes `record` (one row per source record, numbered) into the scratch database. The records themselves are not changed.
"""

from __future__ import annotations

from orchestration.identity.rules import Rules
from orchestration.identity.workspace import Workspace

COLUMNS = (
    "given_name", "family_name", "birth_date", "gender", "email", "phone", "street", "house_number", "postal_code",
    "city", "region", "country", "national_id", "loyalty_number",
)  # fmt: skip
# Columns whose values are more telling the rarer they are.
WITH_FREQUENCY = ("given_name", "family_name", "birth_date", "email", "phone", "postal_code", "street", "city")
# A value of these that very many records share is a placeholder or a switchboard.
PERSONAL = ("email", "phone", "national_id", "loyalty_number")


def read_records(work: Workspace, records: str, rules: Rules) -> int:
    """Writes the comparable records and returns how many there are.

    records: table with source_system, source_record_id and any of COLUMNS; those that are absent count as empty.
    Raises ValueError where a key column is missing, a record has no key, or a key stands twice.
    """
    present = {row[0].lower(): row[1] for row in work.rows(f"describe select * from {records}")}
    for key in ("source_system", "source_record_id"):
        if key not in present:
            raise ValueError(
                f"{records} has no column {key}: every record needs a source_system and a source_record_id."
            )
    _check_keys(work, records)
    raw = {column: f"cast({column} as varchar)" if column in present else "cast(null as varchar)" for column in COLUMNS}
    if present.get("birth_date", "").startswith("TIMESTAMP"):
        raw["birth_date"] = "cast(cast(birth_date as date) as varchar)"
    work.run(f"""
        create or replace table {{work}}.raw_record as
        select
            cast(source_system as varchar) as source_system,
            cast(source_record_id as varchar) as source_record_id,
            {", ".join(f"{expression} as {column}" for column, expression in raw.items())}
        from {records}
    """)
    _number(work)
    _clean(work, rules)
    _split_single_names(work)
    work.run("""
        create or replace table {work}.unfiltered_record as
        select record_number, email, phone, birth_date, national_id, loyalty_number from {work}.clean_record
    """)
    _empty_shared_values(work, rules)
    _empty_placeholder_dates(work, rules)
    return int(work.value("select count(*) from {work}.clean_record"))


def _check_keys(work: Workspace, records: str) -> None:
    bad_keys = work.value(f"""
        select count(*) from (
            select 1 from {records}
            group by source_system, source_record_id
            having count(*) > 1 or source_system is null or source_record_id is null
        )
    """)
    if bad_keys:
        raise ValueError(
            f"{bad_keys:,} keys of source records in {records} are empty or stand twice: "
            "every record needs one source_system and source_record_id of its own."
        )


def _number(work: Workspace) -> None:
    """A number per record that it keeps from run to run, so that the rest works on integers."""
    if not work.exists("record_number"):
        work.run("""
            create table {kept}.record_number (source_system varchar, source_record_id varchar, record_number bigint)
        """)
    work.run("""
        insert into {kept}.record_number
        select
            source_system,
            source_record_id,
            (select coalesce(max(record_number) + 1, 0) from {kept}.record_number)
            + row_number() over (order by source_system, source_record_id) - 1
        from {work}.raw_record
        anti join {kept}.record_number using (source_system, source_record_id)
    """)


def _words(column: str, rules: Rules, *, titles: bool = False) -> str:
    """Lower case, without accents and punctuation, single spaces; empty where it is a placeholder."""
    plain = f"strip_accents(replace(lower({column}), 'ß', 'ss'))"
    plain = f"translate({plain}, 'øłđıæœ', 'oldiao')"
    plain = f"regexp_replace({plain}, '[''’`.]+', '', 'g')"
    text = f"trim(regexp_replace({plain}, '[^\\p{{L}}\\p{{N}}]+', ' ', 'g'))"
    if titles:
        text = f"trim(regexp_replace({text}, '^(({'|'.join(rules.titles)}) )+', ''))"
    words = ", ".join(f"'{word}'" for word in rules.placeholders)
    return f"(select case when w in ('', {words}) then null else w end from (select {text} as w))"


def _clean(work: Workspace, rules: Rules) -> None:
    given, family, street, city, region, country, gender = (
        _words(column, rules, titles=column in ("given_name", "family_name"))
        for column in ("given_name", "family_name", "street", "city", "region", "country", "gender")
    )
    code = "nullif(regexp_replace(upper(strip_accents({0})), '[^\\p{{L}}\\p{{N}}]+', '', 'g'), '')"
    work.run(f"""
        create or replace table {{work}}.clean_record as
        with plain as (
            select
                numbers.record_number,
                raw.source_system,
                raw.source_record_id,
                {given} as given_name,
                {family} as family_name,
                nullif(trim(raw.birth_date), '') as birth_date,
                case
                    when {gender} in ('m', 'male', 'man', 'mann', 'männlich', 'h', 'homme', 'masculin') then 'm'
                    when {gender} in ('f', 'female', 'woman', 'w', 'frau', 'weiblich', 'v', 'vrouw', 'femme') then 'f'
                end as gender,
                nullif(regexp_replace(lower(trim(raw.email)), '\\s+', '', 'g'), '') as email,
                right(ltrim(regexp_replace(
                    regexp_replace(raw.phone, '(?i)(x|ext).*$', ''), '[^0-9]+', '', 'g'
                ), '0'), 9) as phone,
                {street} as street_text,
                {code.format("raw.house_number")} as house_number,
                {code.format("raw.postal_code")} as postal_code,
                {city} as city,
                {region} as region,
                {country} as country,
                {code.format("raw.national_id")} as national_id,
                {code.format("raw.loyalty_number")} as loyalty_number
            from {{work}}.raw_record as raw
            inner join {{kept}}.record_number as numbers using (source_system, source_record_id)
        )
        select
            * exclude (street_text, house_number, phone, email),
            case when length(phone) >= 6 and phone <> repeat(left(phone, 1), length(phone)) then phone end as phone,
            case when length(email) >= 4 then email end as email,
            split_part(email, '@', 1) as email_local,
            regexp_replace(split_part(email, '@', 1), '[^0-9]+', '', 'g') as email_digits,
            nullif(regexp_replace(concat_ws(' ', given_name, family_name), '[^0-9]+', '', 'g'), '') as name_digits,
            -- A number of three digits and more is often kept when somebody takes another address.
            nullif(regexp_extract(split_part(email, '@', 1), '[0-9]{{3,}}'), '') as email_number,
            -- Where the number stands in the street, it is taken out of it.
            nullif(trim(case when house_number is null then regexp_replace(street_text, '[0-9]+[a-z]?', '')
                else street_text end), '') as street,
            coalesce(
                nullif(regexp_extract(house_number, '[0-9]+'), ''),
                case when house_number is null then nullif(regexp_extract(street_text, '[0-9]+'), '') end
            ) as house_number
        from plain
    """)


def _split_single_names(work: Workspace) -> None:
    """A full name in one field is taken apart where the other field is empty."""
    work.run("""
        update {work}.clean_record set
            family_name = regexp_extract(given_name, '[^ ]+$'),
            given_name = regexp_extract(given_name, '^(.*) [^ ]+$', 1)
        where family_name is null and contains(given_name, ' ');
        update {work}.clean_record set
            given_name = regexp_extract(family_name, '^[^ ]+'),
            family_name = regexp_extract(family_name, '^[^ ]+ (.*)$', 1)
        where given_name is null and contains(family_name, ' ');
    """)


def _empty_shared_values(work: Workspace, rules: Rules) -> None:
    """Addresses and numbers that very many records share, by records that name different people, say nothing."""
    who = "coalesce(left(family_name, 3), '') || coalesce(left(given_name, 1), '') || coalesce(birth_date, '')"
    work.run("create or replace table {work}.shared_value (identifier_kind varchar, identifier_value varchar, "
             "record_count bigint)")  # fmt: skip
    for column in PERSONAL:
        work.run(
            f"""
            insert into {{work}}.shared_value
            select '{column}', {column}, count(*)
            from {{work}}.clean_record
            where {column} is not null
            group by {column}
            having count(*) > ? and (count(distinct nullif({who}, '')) > ? or count(nullif({who}, '')) = 0)
            """,
            [rules.most_records_per_value, rules.most_records_per_value // 2],
        )
    for column, values, shared in work.rows("""
        select identifier_kind, count(*), sum(record_count) from {work}.shared_value group by 1 order by 1
    """):
        work.run(f"""
            update {{work}}.clean_record set {column} = null
            where {column} in (select identifier_value from {{work}}.shared_value where identifier_kind = '{column}')
        """)
        work.note(
            f"{values:,} value{'s' * (values > 1)} of {column} stand in {shared:,} records, more than "
            f"{rules.most_records_per_value} each: ignored, as they point at nobody."
        )


def _empty_placeholder_dates(work: Workspace, rules: Rules) -> None:
    """Birth dates that occur far too often (1900-01-01 and the like) say nothing."""
    work.run(
        """
        create or replace table {work}.placeholder_date as
        with counted as (
            select birth_date, count(*) as record_count from {work}.clean_record where birth_date is not null group by 1
        )
        select birth_date, record_count
        from counted
        where record_count > greatest(
            ?,
            case when birth_date like '%-01-01' then 5 else 40 end
                * (select quantile_cont(record_count, 0.9) from counted),
            case when birth_date like '%-01-01' then 0.002 else 0.02 end * (select sum(record_count) from counted)
        )
        """,
        [rules.most_records_per_value],
    )
    dates, records = work.rows("select count(*), sum(record_count) from {work}.placeholder_date")[0]
    if dates:
        work.run("""
            update {work}.clean_record set birth_date = null
            where birth_date in (select birth_date from {work}.placeholder_date)
        """)
        work.note(f"{dates:,} birth date{'s' * (dates > 1)} of {records:,} records occur far too often: ignored.")
