-- Positions and readings are activity, but no interactions: neither side addresses the other.
with activity as (
    select
        source_system,
        'interaction' as activity_kind,
        touchpoint_key,
        channel_key,
        identifier_kind,
        attribution,
        reporting_amount as amount,
        happened_at
    from {{ ref('fct_interaction') }}

    union all

    select
        source_system,
        activity_kind,
        -2 as touchpoint_key,
        -2 as channel_key,
        identifier_kind,
        attribution,
        cast(null as decimal(18, 6)) as amount,
        happened_at
    from {{ ref('int_attributed_sighting') }}
)

select
    source_system,
    activity_kind,
    touchpoint_key,
    channel_key,
    coalesce(identifier_kind, 'none') as identifier_kind,
    attribution,
    count(*) as activity_count,
    coalesce(cast(sum(amount) as decimal(18, 6)), 0) as amount,
    min(happened_at) as first_happened_at,
    max(happened_at) as last_happened_at
from activity
group by
    source_system, activity_kind, touchpoint_key, channel_key, coalesce(identifier_kind, 'none'), attribution
