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

-- A device with more activity than one person has is used by more people than were identified on it.
shared as (
    select distinct identifier_value as device_id
    from {{ ref('int_shared_identifier') }}
    where identifier_kind in {{ anonymous_identifier_kinds() }}
),

per_device as (
    select
        per_person.device_id,
        case
            when max(shared.device_id) is not null then greatest(count(*), {{ var('most_people_per_device') }} + 1)
            else count(*)
        end as person_count
    from per_person
    left join shared on per_person.device_id = shared.device_id
    group by per_person.device_id
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
                case
                    when
                        consents.customer_key is not null
                        and per_person.identification_count >= {{ var('anonymous_backward_identifications') }}
                        then {{ dbt.dateadd('hour', -anonymous_backward_hours(), 'per_person.first_identified_at') }}
                    else per_person.first_identified_at
                end as timestamp
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
left join {{ ref('int_backward_consent') }} as consents on per_person.customer_key = consents.customer_key
