with identifiers as (
    select * from {{ ref('int_identifier') }}
),

assignments as (
    select * from {{ source('identity', 'assignment') }}
),

recorded as (
    select source_system, source_record_id, recorded_at
    from {{ ref('int_source_record') }}
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
