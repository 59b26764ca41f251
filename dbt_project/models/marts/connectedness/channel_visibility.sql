-- Positions and readings have no channel; each counts as one.
with activity as (
    select
        case
            when facts.activity_kind = 'interaction' then coalesce(channels.channel, 'unknown')
            else facts.activity_kind
        end as channel,
        case
            when facts.activity_kind = 'interaction' then coalesce(channels.title, 'Channel not stated')
            else kinds.title
        end as title,
        facts.activity_kind,
        facts.source_system,
        facts.identifier_kind,
        facts.attribution,
        facts.activity_count
    from {{ ref('fct_source_activity') }} as facts
    inner join {{ ref('activity_kinds') }} as kinds on facts.activity_kind = kinds.activity_kind
    left join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
),

totals as (
    select
        channel,
        title,
        activity_kind,
        sum(activity_count) as activity_count,
        sum(case when attribution like 'known%' then activity_count else 0 end) as known_count,
        sum(case when attribution = 'probable' then activity_count else 0 end) as probable_count
    from activity
    group by channel, title, activity_kind
),

reasons as (
    select
        channel,
        source_system,
        identifier_kind,
        attribution,
        sum(activity_count) as activity_count
    from activity
    where attribution not like 'known%'
    group by channel, source_system, identifier_kind, attribution
),

ranked as (
    select
        *,
        row_number() over (
            partition by channel order by activity_count desc, source_system asc, identifier_kind asc, attribution asc
        ) as reason_rank
    from reasons
)

select
    totals.channel,
    totals.title,
    totals.activity_kind,
    cast(totals.activity_count as bigint) as activity_count,
    cast(totals.known_count as bigint) as known_count,
    cast(totals.probable_count as bigint) as probable_count,
    cast(totals.activity_count - totals.known_count as bigint) as unknown_count,
    cast(totals.known_count as double) / totals.activity_count as visibility,
    cast(totals.known_count + totals.probable_count as double) / totals.activity_count as visibility_with_probable,
    cast({{ var('visibility_target') }} as double) as target_share,
    totals.known_count >= {{ var('visibility_target') }} * totals.activity_count as is_above_target,
    cast(greatest(0, ceil({{ var('visibility_target') }} * totals.activity_count) - totals.known_count) as bigint)
        as missing_to_target_count,
    ranked.source_system as main_reason_source_system,
    ranked.identifier_kind as main_reason_identifier_kind,
    ranked.attribution as main_reason,
    cast(ranked.activity_count as bigint) as main_reason_count,
    cast(totals.known_count + ranked.activity_count as double) / totals.activity_count as visibility_without_main_reason
from totals
left join ranked on totals.channel = ranked.channel and ranked.reason_rank = 1
