{{ config(materialized='table') }}

with source_records as (
    select * from {{ ref('int_source_record') }}
),

all_identifiers as (
    select
        source_system,
        source_record_id,
        identifier_kind,
        identifier_value
    from {{ ref('int_delivered_identifier') }}

    union all

    select
        source_system,
        source_record_id,
        'email' as identifier_kind,
        email as identifier_value
    from source_records

    union all

    select
        source_system,
        source_record_id,
        'phone' as identifier_kind,
        phone as identifier_value
    from source_records

    union all

    -- A phone number alone may be shared by a family; with the date of birth it points at one person.
    select
        source_system,
        source_record_id,
        'phone_and_birth_date' as identifier_kind,
        phone || '|' || cast(birth_date as {{ dbt.type_string() }}) as identifier_value
    from source_records

    union all

    select
        source_system,
        source_record_id,
        'loyalty_number' as identifier_kind,
        loyalty_number as identifier_value
    from source_records

    union all

    select
        source_system,
        source_record_id,
        'national_id' as identifier_kind,
        national_id as identifier_value
    from source_records
)

select distinct
    source_system,
    source_record_id,
    identifier_kind,
    identifier_value
from all_identifiers
where identifier_value is not null
