-- The latency that a stream needs follows from what its system delivers: a web search is useful within minutes.
with needs as (
    select
        facts.source_system,
        min(classes.latency_rank) as needed_rank
    from {{ ref('fct_source_activity') }} as facts
    inner join {{ ref('activity_kinds') }} as kinds on facts.activity_kind = kinds.activity_kind
    left join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    inner join {{ ref('latency_classes') }} as classes
        on coalesce(kinds.latency_class, touchpoints.latency_class) = classes.latency_class
    group by facts.source_system
),

streams as (
    select
        *,
        coalesce(mart_p95_seconds, landing_p95_seconds) as judged_seconds
    from {{ ref('dim_source_stream') }}
),

measured as (
    select
        streams.source_system,
        streams.stream,
        min(classes.latency_rank) as measured_rank
    from streams
    inner join {{ ref('latency_classes') }} as classes
        on
            streams.judged_seconds <= classes.most_seconds
            or (streams.judged_seconds is not null and classes.most_seconds is null)
    group by streams.source_system, streams.stream
)

select
    streams.source_system,
    streams.stream,
    coalesce(streams.system_title, streams.source_system) as system_title,
    streams.latency_basis,
    coalesce(streams.latency_row_count, 0) as row_count,
    streams.landing_p50_seconds,
    streams.landing_p95_seconds,
    streams.mart_p50_seconds,
    streams.mart_p95_seconds,
    classes.latency_class,
    needed_classes.latency_class as needed_latency_class,
    needed_classes.most_seconds as needed_seconds,
    measured.measured_rank <= needs.needed_rank as is_fast_enough
from streams
left join measured on streams.source_system = measured.source_system and streams.stream = measured.stream
left join {{ ref('latency_classes') }} as classes on measured.measured_rank = classes.latency_rank
left join needs on streams.source_system = needs.source_system
left join {{ ref('latency_classes') }} as needed_classes on needs.needed_rank = needed_classes.latency_rank
