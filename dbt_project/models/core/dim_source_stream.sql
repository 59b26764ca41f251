select
    source_system,
    stream,
    state,
    last_landed_at,
    newest_at,
    cadence_hours,
    expected_by,
    coalesce(expected_by < {{ as_of() }}, false) as is_late
from {{ source('quality', 'stream_status') }}
