{{ config(materialized='table') }}

with assignments as (
    select * from {{ source('identity', 'assignment') }}
),

identifiers as (
    select * from {{ ref('int_identifier') }}
)

select
    identifiers.identifier_kind,
    identifiers.identifier_value,
    -- An identifier that several customers use does not identify the one who acted.
    case when min(assignments.customer_id) = max(assignments.customer_id) then min(assignments.customer_id) end
        as customer_key,
    count(distinct assignments.customer_id) as customer_count
from identifiers
inner join assignments
    on
        identifiers.source_system = assignments.source_system
        and identifiers.source_record_id = assignments.source_record_id
group by identifiers.identifier_kind, identifiers.identifier_value
