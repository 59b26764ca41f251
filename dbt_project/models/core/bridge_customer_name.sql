with records as (
    select * from {{ ref('int_source_record') }}
),

assignments as (
    select * from {{ source('identity', 'assignment') }}
)

select distinct
    assignments.customer_id as customer_key,
    records.given_name,
    records.family_name
from records
inner join assignments
    on
        records.source_system = assignments.source_system
        and records.source_record_id = assignments.source_record_id
where coalesce(records.given_name, records.family_name) is not null
