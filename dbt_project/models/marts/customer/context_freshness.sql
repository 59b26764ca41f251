-- The channels of its interactions decide which contexts a system feeds.
with contexts as (
    select distinct
        interactions.source_system,
        channels.context
    from {{ ref('fct_interaction') }} as interactions
    inner join {{ ref('dim_channel') }} as channels on interactions.channel_key = channels.channel_key
    where interactions.channel_key > 0
),

streams as (
    select
        *,
        case when is_late then source_system || '/' || stream end as late_stream
    from {{ ref('dim_source_stream') }}
    where cadence_hours is not null
)

select
    contexts.context,
    min(streams.newest_at) as fresh_until,
    count(*) as stream_count,
    count(streams.late_stream) as late_stream_count,
    {{ sorted_list_of('streams.late_stream') }} as late_streams,
    count(streams.late_stream) > 0 as is_stale
from contexts
inner join streams on contexts.source_system = streams.source_system
group by contexts.context
