{{ config(materialized='table') }}

with evidence as (
    select * from {{ ref('int_device_evidence') }}
),

per_person as (
    select
        device_id,
        person_key,
        max(customer_key) as customer_key,
        min(identified_at) as first_identified_at,
        max(identified_at) as last_identified_at,
        count(*) as identification_count
    from evidence
    group by device_id, person_key
),

per_device as (
    select
        device_id,
        count(*) as person_count
    from per_person
    group by device_id
)

select
    per_person.device_id,
    per_person.person_key,
    per_person.customer_key,
    per_person.first_identified_at,
    per_person.last_identified_at,
    per_person.identification_count,
    per_device.person_count,
    per_device.person_count > 1 as is_shared,
    -- A device identifies its only user; a shared device identifies none.
    case
        when per_device.person_count = 1 and per_person.customer_key is not null
            then cast(
                {{ dbt.dateadd('hour', -anonymous_backward_hours(), 'per_person.first_identified_at') }} as timestamp
            )
    end as known_from,
    case
        when per_device.person_count = 1 and per_person.customer_key is not null
            then cast(
                {{ dbt.dateadd('day', var('device_belongs_for_days'), 'per_person.last_identified_at') }} as timestamp
            )
    end as known_until
from per_person
inner join per_device on per_person.device_id = per_device.device_id
