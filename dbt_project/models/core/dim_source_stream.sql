select
    source_system,
    stream,
    state,
    cast(last_landed_at as timestamp) as last_landed_at,
    cast(newest_at as timestamp) as newest_at,
    cadence_hours,
    cast(expected_by as timestamp) as expected_by,
    coalesce(expected_by < {{ as_of() }}, false) as is_late
from {{ source('quality', 'stream_status') }}
