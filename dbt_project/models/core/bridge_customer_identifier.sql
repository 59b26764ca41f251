with identifiers as (
    select * from {{ ref('int_identifier') }}
),

assignments as (
    select * from {{ source('identity', 'assignment') }}
),

recorded as (
    select
        source_system,
        source_record_id,
        recorded_at
    from {{ ref('int_source_record') }}
),

device_persons as (
    select * from {{ ref('int_device_person') }}
),

device_kinds as (
    select
        identifier_value as device_id,
        min(identifier_kind) as identifier_kind,
        {{ sorted_list_of('source_system') }} as source_systems
    from {{ ref('int_identifier_pair') }}
    where identifier_kind in {{ anonymous_identifier_kinds() }}
    group by identifier_value
),

per_customer as (
    select
        assignments.customer_id as customer_key,
        identifiers.identifier_kind,
        identifiers.identifier_value,
        min(recorded.recorded_at) as valid_from,
        min(assignments.match_probability) as match_probability,
        {{ sorted_list_of('identifiers.source_system') }} as source_systems
    from identifiers
    inner join assignments
        on
            identifiers.source_system = assignments.source_system
            and identifiers.source_record_id = assignments.source_record_id
    left join recorded
        on
            identifiers.source_system = recorded.source_system
            and identifiers.source_record_id = recorded.source_record_id
    group by assignments.customer_id, identifiers.identifier_kind, identifiers.identifier_value
),

-- A device belongs to a customer with the probability that they are the one identified on it.
per_device as (
    select
        device_persons.customer_key,
        coalesce(device_kinds.identifier_kind, 'device') as identifier_kind,
        device_persons.device_id as identifier_value,
        device_persons.first_identified_at as valid_from,
        device_persons.known_until as valid_to,
        cast(device_persons.identification_count as double) / sum(device_persons.identification_count) over (
            partition by device_persons.device_id
        ) as match_probability,
        device_kinds.source_systems,
        device_persons.is_shared
    from device_persons
    left join device_kinds on device_persons.device_id = device_kinds.device_id
)

select
    customer_key,
    identifier_kind,
    identifier_value,
    valid_from,
    cast(null as timestamp) as valid_to,
    match_probability,
    source_systems,
    count(*) over (partition by identifier_kind, identifier_value) > 1 as is_shared
from per_customer

union all

select
    per_device.customer_key,
    per_device.identifier_kind,
    per_device.identifier_value,
    per_device.valid_from,
    per_device.valid_to,
    per_device.match_probability,
    per_device.source_systems,
    per_device.is_shared
from per_device
left join per_customer
    on
        per_device.customer_key = per_customer.customer_key
        and per_device.identifier_kind = per_customer.identifier_kind
        and per_device.identifier_value = per_customer.identifier_value
where per_device.customer_key is not null and per_customer.customer_key is null
