{{ config(materialized='table') }}

with assignments as (
    select * from {{ source('identity', 'assignment') }}
),

identifiers as (
    select * from {{ ref('int_identifier') }}
),

pairs as (
    select * from {{ ref('int_identifier_pair') }}
    where identifier_kind in {{ anonymous_identifier_kinds() }}
),

-- An action under a personal identifier identifies the user of the device at that moment.
sightings as (
    select
        device_id,
        identifier_kind,
        identifier_value,
        happened_at as identified_at
    from {{ ref('int_interaction') }}
    where
        device_id is not null
        and identifier_value is not null
        and identifier_kind not in {{ anonymous_identifier_kinds() }}

    union

    select
        identifier_value as device_id,
        other_identifier_kind,
        other_identifier_value,
        first_seen_at
    from pairs

    union

    select
        identifier_value as device_id,
        other_identifier_kind,
        other_identifier_value,
        last_seen_at
    from pairs
),

known as (
    select distinct
        identifiers.identifier_kind,
        identifiers.identifier_value,
        assignments.customer_id as customer_key
    from identifiers
    inner join assignments
        on
            identifiers.source_system = assignments.source_system
            and identifiers.source_record_id = assignments.source_record_id

    union

    select
        events.identifier_kind,
        events.identifier_value,
        events.customer_key
    from {{ ref('int_event_customer') }} as events
    left join identifiers
        on
            events.identifier_kind = identifiers.identifier_kind
            and events.identifier_value = identifiers.identifier_value
    where events.customer_key is not null and identifiers.identifier_value is null
),

counted as (
    select
        identifier_kind,
        identifier_value,
        customer_key,
        count(*) over (partition by identifier_kind, identifier_value) as customer_count
    from known
),

-- An identifier without a source record is another person; one that several customers share counts for each in part.
persons as (
    select
        sightings.device_id,
        sightings.identified_at,
        counted.customer_key,
        coalesce(
            counted.customer_key, -{{ integer_key(['sightings.identifier_kind', 'sightings.identifier_value']) }}
        ) as person_key,
        cast(1 as double) / coalesce(counted.customer_count, 1) as person_share
    from sightings
    left join counted
        on
            sightings.identifier_kind = counted.identifier_kind
            and sightings.identifier_value = counted.identifier_value
    left join {{ ref('int_shared_identifier') }} as shared
        on
            sightings.identifier_kind = shared.identifier_kind
            and sightings.identifier_value = shared.identifier_value
    -- Who acts under an identifier that everybody uses is unknown.
    where sightings.identified_at is not null and shared.identifier_value is null
)

select
    device_id,
    identified_at,
    person_key,
    max(customer_key) as customer_key,
    max(person_share) as person_share
from persons
group by device_id, identified_at, person_key
