select
    assignments.source_system,
    assignments.source_record_id,
    assignments.customer_id as customer_key,
    assignments.match_probability,
    records.recorded_at
from {{ source('identity', 'assignment') }} as assignments
inner join {{ ref('int_source_record') }} as records
    on
        assignments.source_system = records.source_system
        and assignments.source_record_id = records.source_record_id
