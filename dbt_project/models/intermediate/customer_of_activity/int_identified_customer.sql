{{ config(materialized='table') }}

with assignments as (
    select * from {{ source('identity', 'assignment') }}
),

identifiers as (
    select * from {{ ref('int_identifier') }}
),

of_records as (
    select
        identifiers.identifier_kind,
        identifiers.identifier_value,
        count(shared.identifier_value) > 0 or count(distinct assignments.customer_id) > 1 as is_shared,
        -- An identifier that several customers use does not identify the one who acted.
        case
            when min(assignments.customer_id) = max(assignments.customer_id) and max(shared.identifier_value) is null
                then min(assignments.customer_id)
        end as customer_key,
        count(distinct assignments.customer_id) as customer_count
    from identifiers
    inner join assignments
        on
            identifiers.source_system = assignments.source_system
            and identifiers.source_record_id = assignments.source_record_id
    left join {{ ref('int_shared_identifier') }} as shared
        on
            identifiers.identifier_kind = shared.identifier_kind
            and identifiers.identifier_value = shared.identifier_value
    group by identifiers.identifier_kind, identifiers.identifier_value
)

select * from of_records

union all

-- No record bears it, but an event of a customer does.
select
    events.identifier_kind,
    events.identifier_value,
    events.customer_count > 1 as is_shared,
    events.customer_key,
    events.customer_count
from {{ ref('int_event_customer') }} as events
left join of_records
    on
        events.identifier_kind = of_records.identifier_kind
        and events.identifier_value = of_records.identifier_value
where of_records.identifier_value is null
