"""Source records made comparable: one spelling per value, and uninformative values emptied.

Writes `clean_record` (one row per source record, numbered) into the scratch database; the source records stay as they
are.
"""

from __future__ import annotations

from orchestration.identity.copies import number_copies
from orchestration.identity.rules import Rules
from orchestration.identity.uninformative import (
    EMPTIED,
    UNFILTERED,
    empty_placeholder_dates,
    empty_placeholders,
    empty_shared_values,
    find_placeholder_dates,
    find_shared_values,
)
from orchestration.identity.workspace import Workspace

COLUMNS = (
    "given_name", "family_name", "birth_date", "gender", "email", "phone", "street", "house_number", "postal_code",
    "city", "region", "country", "national_id", "loyalty_number",
)  # fmt: skip
# Columns whose rare values are stronger evidence.
WITH_FREQUENCY = ("given_name", "family_name", "birth_date", "email", "phone", "postal_code", "street", "city")


def read_records(work: Workspace, records: str, rules: Rules, *, known: bool = False) -> int:
    """Cleans the records that need it, and returns today's number of records.

    records: table with source_system, source_record_id and any of COLUMNS; absent ones count as empty. known: memory
    has the records of the last call in `comparable_record`; then only new and different records are written, and those
    with a value that has become, or stopped being, a placeholder.
    Writes clean_record, unfiltered_record (before uninformative values are emptied), outdated_record (numbers of known
    records that are different or gone). Raises ValueError if a key column is missing, a record has no key, or a key
    appears twice.
    """
    _read_raw(work, records, known)
    work.run("create or replace table {work}.outdated_record (record_number bigint)")
    if known:
        work.run("""
            insert into {work}.outdated_record
            select record_number from {kept}.comparable_record anti join {work}.fingerprint using (fingerprint)
        """)
    if not known or _keys_are_doubtful(work):
        _check_keys(work, records)
    _number(work)
    _normalise(work)
    _clean(work, rules)
    _split_single_names(work)
    empty_placeholders(work, rules)
    work.today = _today(known)
    find_shared_values(work, rules, known)
    find_placeholder_dates(work, rules)
    if known:
        _add_reinterpreted(work)
    work.run("""
        create or replace table {work}.unfiltered_record as
        select record_number, email, phone, birth_date, national_id, loyalty_number from {work}.clean_record
    """)
    empty_shared_values(work, rules)
    empty_placeholder_dates(work)
    work.run(f"""
        create or replace table {{work}}.emptied_value as
        select unfiltered.*
        from {{work}}.unfiltered_record as unfiltered
        inner join {{work}}.clean_record as clean using (record_number)
        where {" or ".join(f"unfiltered.{c} is not null and clean.{c} is null" for c in EMPTIED)}
    """)
    number_copies(work, COLUMNS, known=known)
    return int(work.value("select count(*) from {work}.fingerprint" if known else
                          "select count(*) from {work}.clean_record"))  # fmt: skip


def _read_raw(work: Workspace, records: str, known: bool) -> None:
    """Writes raw_record: the records as text with a fingerprint; of known ones only those that are new or different."""
    present = {row[0].lower(): row[1] for row in work.rows(f"describe select * from {records}")}
    for key in ("source_system", "source_record_id"):
        if key not in present:
            raise ValueError(
                f"{records} has no column {key}: every record needs a source_system and a source_record_id."
            )
    raw = {column: f"cast({column} as varchar)" if column in present else "cast(null as varchar)" for column in COLUMNS}
    if present.get("birth_date", "").startswith("TIMESTAMP"):
        raw["birth_date"] = "cast(cast(birth_date as date) as varchar)"
    keys = "cast(source_system as varchar) as source_system, cast(source_record_id as varchar) as source_record_id"
    read = f"""
        select *, hash({", ".join(("source_system", "source_record_id", *COLUMNS))}) as fingerprint
        from (select {keys}, {", ".join(f"{expression} as {column}" for column, expression in raw.items())}
            from {records})
    """
    # Read once: the records may be a slow view.
    work.run(f"create or replace table {{work}}.raw_record as from ({read})")
    if known:
        work.run("""
            create or replace table {work}.fingerprint as select fingerprint from {work}.raw_record;
            create or replace table {work}.raw_record as
            from {work}.raw_record anti join {kept}.comparable_record using (fingerprint)
        """)


def _today(known: bool) -> str:
    """SQL of all records of today: cleaned in this call, or known."""
    if not known:
        return "{work}.clean_record"
    columns = ", ".join(("record_number", "source_system", "source_record_id", *COLUMNS, "content", "copy"))
    return f"""(
        select {columns} from {{work}}.clean_record
        union all
        select {columns} from {{kept}}.comparable_record anti join {{work}}.outdated_record using (record_number)
    )"""


def complete_records(work: Workspace) -> None:
    """Adds the unchanged known records to clean_record, unfiltered_record and emptied_value."""
    columns = ", ".join(row[0] for row in work.rows("describe {work}.clean_record"))
    work.run(f"""
        insert into {{work}}.unfiltered_record by name
        select record_number, {", ".join(EMPTIED)}
        from {UNFILTERED} anti join {{work}}.outdated_record using (record_number);
        insert into {{work}}.clean_record by name
        select {columns} from {{kept}}.comparable_record anti join {{work}}.outdated_record using (record_number);
        insert into {{work}}.emptied_value by name
        from {{kept}}.emptied_value anti join {{work}}.outdated_record using (record_number);
        alter table {{work}}.clean_record drop column content;
        alter table {{work}}.clean_record drop column copy;
    """)
    work.today = "{work}.clean_record"
    number_copies(work, COLUMNS, known=False)


def _keys_are_doubtful(work: Workspace) -> bool:
    """Whether the keys must be checked one by one, which is not needed for unchanged known records."""
    return bool(
        work.value("""
            select
                (select count(*) from {work}.fingerprint) <> (
                    (select count(*) from {work}.raw_record) + (select count(*) from {kept}.comparable_record)
                    - (select count(*) from {work}.outdated_record)
                )
                or (
                    select count(*) <> count(distinct (source_system, source_record_id))
                        or count(*) <> count(source_system) or count(*) <> count(source_record_id)
                    from {work}.raw_record
                )
                or exists (
                    from {work}.raw_record
                    semi join (
                        from {kept}.comparable_record anti join {work}.outdated_record using (record_number)
                    ) using (source_system, source_record_id)
                )
        """)
    )


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
            f"{bad_keys:,} keys of source records in {records} are empty or appear twice: "
            "give every record one source_system and source_record_id of its own."
        )


def _number(work: Workspace) -> None:
    """Numbers new records. A record keeps its number from run to run; the rest of the linking works on integers."""
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
    """SQL for text in lower case, without accents and punctuation, with single spaces; null for a placeholder."""
    plain = f"strip_accents(replace(lower({column}), 'ß', 'ss'))"
    plain = f"translate({plain}, 'øłđıæœ', 'oldiao')"
    plain = f"regexp_replace({plain}, '[''’`.]+', '', 'g')"
    text = f"trim(regexp_replace({plain}, '[^\\p{{L}}\\p{{N}}]+', ' ', 'g'))"
    if titles:
        text = f"trim(regexp_replace({text}, '^(({'|'.join(rules.titles)}) )+', ''))"
    words = ", ".join(f"'{word}'" for word in rules.placeholders)
    return f"(select case when w in ('', {words}) then null else w end from (select {text} as w))"


def _normalise(work: Workspace) -> None:
    """Writes full-width letters, ligatures and the like in raw_record as the letters they stand for (Unicode NFKC)."""
    columns = ", ".join(
        f"case when regexp_matches({column}, '[^ -~]') then nfkc({column}) else {column} end as {column}"
        for column in COLUMNS
    )
    work.run(f"create or replace table {{work}}.raw_record as select * replace ({columns}) from {{work}}.raw_record")


def _clean(work: Workspace, rules: Rules) -> None:
    given, family, street, city, region, country, gender = (
        _words(column, rules, titles=column in ("given_name", "family_name"))
        for column in ("given_name", "family_name", "street", "city", "region", "country", "gender")
    )
    code = "nullif(regexp_replace(upper(strip_accents({0})), '[^\\p{{L}}\\p{{N}}]+', '', 'g'), '')"
    suffix = f" ({'|'.join(word for words in rules.name_suffixes for word in words)})$"
    generations = " ".join(
        f"when '{word}' then {place}" for place, words in enumerate(rules.name_suffixes, start=1) for word in words
    )
    work.run(f"""
        create or replace table {{work}}.clean_record as
        with written as (
            select
                numbers.record_number,
                raw.source_system,
                raw.source_record_id,
                raw.fingerprint,
                {given} as full_given_name,
                {family} as full_family_name,
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
        ),
        plain as (
            select
                *,
                regexp_replace(full_given_name, '{suffix}', '') as given_name,
                regexp_replace(full_family_name, '{suffix}', '') as family_name,
                case coalesce(
                    nullif(regexp_extract(full_family_name, '{suffix}', 1), ''),
                    nullif(regexp_extract(full_given_name, '{suffix}', 1), '')
                ) {generations} end as name_suffix
            from written
        )
        select
            * exclude (street_text, house_number, phone, email, full_given_name, full_family_name),
            case when length(phone) >= 6 and phone <> repeat(left(phone, 1), length(phone)) then phone end as phone,
            case when length(email) >= 4 then email end as email,
            split_part(email, '@', 1) as email_local,
            regexp_replace(split_part(email, '@', 1), '[^0-9]+', '', 'g') as email_digits,
            nullif(regexp_replace(concat_ws(' ', given_name, family_name), '[^0-9]+', '', 'g'), '') as name_digits,
            -- People often keep a number of three digits and more when they change their address.
            nullif(regexp_extract(split_part(email, '@', 1), '[0-9]{{3,}}'), '') as email_number,
            -- A house number in the street is removed from it.
            nullif(trim(case when house_number is null then regexp_replace(street_text, '[0-9]+[a-z]?', '')
                else street_text end), '') as street,
            coalesce(
                nullif(regexp_extract(house_number, '[0-9]+'), ''),
                case when house_number is null then nullif(regexp_extract(street_text, '[0-9]+'), '') end
            ) as house_number
        from plain
    """)


def _split_single_names(work: Workspace) -> None:
    """Splits a full name in one field if the other field is empty."""
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


def _add_reinterpreted(work: Workspace) -> None:
    """Adds known records to clean_record that have a value which has become, or stopped being, a placeholder."""
    work.run("""
        create or replace table {work}.other_verdict as
        with before as (
            select identifier_kind as kind, identifier_value as value from {kept}.shared_value
            union all
            select 'birth_date', birth_date from {kept}.placeholder_date
        ),
        now as (
            select identifier_kind as kind, identifier_value as value from {work}.shared_value
            union all
            select 'birth_date', birth_date from {work}.placeholder_date
        )
        (from before except from now) union all (from now except from before)
    """)
    kinds = [row[0] for row in work.rows("select distinct kind from {work}.other_verdict order by 1")]
    if not kinds:
        return
    columns = ", ".join(row[0] for row in work.rows("describe {work}.clean_record"))
    found = " or ".join(f"{kind} in (select value from {{work}}.other_verdict where kind = '{kind}')" for kind in kinds)
    work.run(f"""
        insert into {{work}}.clean_record by name
        select {columns} from {UNFILTERED} anti join {{work}}.outdated_record using (record_number) where {found};
        insert into {{work}}.outdated_record
        select record_number from {{kept}}.comparable_record
        semi join {{work}}.clean_record using (record_number) anti join {{work}}.outdated_record using (record_number);
    """)
