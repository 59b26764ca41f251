select
    source_system,
    stream,
    state,
    cast(last_landed_at as timestamp) as last_landed_at,
    cast(newest_at as timestamp) as newest_at,
    cadence_hours,
    cast(expected_by as timestamp) as expected_by,
    coalesce(expected_by < {{ as_of() }}, false) as is_late,
    system_title,
    latency_basis,
    cast(latency_row_count as bigint) as latency_row_count,
    cast(landing_p50_seconds as double) as landing_p50_seconds,
    cast(landing_p95_seconds as double) as landing_p95_seconds,
    cast(mart_row_count as bigint) as mart_row_count,
    cast(mart_p50_seconds as double) as mart_p50_seconds,
    cast(mart_p95_seconds as double) as mart_p95_seconds
from {{ source('quality', 'stream_status') }}
