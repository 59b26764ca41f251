{{ config(materialized='table') }}

-- The number of an order, complaint, appointment or booking leads to its customer: by the identifier that the event
-- carries, or by one that another system has seen together with the number, such as the card with its points.
{%- set events = {
    'int_order_line': 'order_id',
    'int_complaint': 'complaint_id',
    'int_appointment': 'appointment_id',
    'int_booking': 'booking_id',
} %}
{%- set kinds = "('" ~ events.values() | join("', '") ~ "')" %}

with assignments as (
    select * from {{ source('identity', 'assignment') }}
),

shared_identifiers as (
    select * from {{ ref('int_shared_identifier') }}
),

pairs as (
    select
        identifier_kind as event_kind,
        identifier_value as event_number,
        other_identifier_kind as identifier_kind,
        other_identifier_value as identifier_value
    from {{ ref('int_identifier_pair') }}
    where identifier_kind in {{ kinds }}

    union

    select
        other_identifier_kind as event_kind,
        other_identifier_value as event_number,
        identifier_kind,
        identifier_value
    from {{ ref('int_identifier_pair') }}
    where other_identifier_kind in {{ kinds }}
),

-- A browser or device has several users; int_device_evidence judges it.
seen_with_number as (
    select pairs.*
    from pairs
    left join shared_identifiers
        on
            pairs.identifier_kind = shared_identifiers.identifier_kind
            and pairs.identifier_value = shared_identifiers.identifier_value
    where
        shared_identifiers.identifier_value is null
        and pairs.identifier_kind not in {{ anonymous_identifier_kinds() }}
),

carried as (
    select * from seen_with_number
    {%- for model, number in events.items() %}

        union

        select
            '{{ number }}' as event_kind,
            {{ number }} as event_number,
            events.identifier_kind,
            events.identifier_value
        from {{ ref(model) }} as events
        left join shared_identifiers
            on
                events.identifier_kind = shared_identifiers.identifier_kind
                and events.identifier_value = shared_identifiers.identifier_value
        where
            {{ number }} is not null
            and shared_identifiers.identifier_value is null
            and events.identifier_kind not in {{ anonymous_identifier_kinds() }}
    {%- endfor %}
),

known as (
    select
        carried.event_kind,
        carried.event_number,
        assignments.customer_id as customer_key
    from carried
    inner join {{ ref('int_identifier') }} as identifiers
        on
            carried.identifier_kind = identifiers.identifier_kind
            and carried.identifier_value = identifiers.identifier_value
    inner join assignments
        on
            identifiers.source_system = assignments.source_system
            and identifiers.source_record_id = assignments.source_record_id
),

customers as (
    select
        event_kind,
        event_number,
        min(customer_key) as customer_key,
        count(distinct customer_key) as customer_count
    from known
    group by event_kind, event_number
),

-- What was seen with the number is the customer's, such as the serial number of what was sold with an order. What a
-- record bears is known by the record.
things as (
    select
        seen.identifier_kind,
        seen.identifier_value,
        customers.customer_key,
        customers.customer_count
    from seen_with_number as seen
    inner join customers on seen.event_kind = customers.event_kind and seen.event_number = customers.event_number
    left join {{ ref('int_identifier') }} as identifiers
        on
            seen.identifier_kind = identifiers.identifier_kind
            and seen.identifier_value = identifiers.identifier_value
    where identifiers.identifier_value is null
)

select
    event_kind as identifier_kind,
    event_number as identifier_value,
    case when customer_count = 1 then customer_key end as customer_key,
    customer_count
from customers

union all

select
    identifier_kind,
    identifier_value,
    case when max(customer_count) = 1 and min(customer_key) = max(customer_key) then min(customer_key) end
        as customer_key,
    greatest(max(customer_count), count(distinct customer_key)) as customer_count
from things
where identifier_kind not in {{ kinds }}
group by identifier_kind, identifier_value
