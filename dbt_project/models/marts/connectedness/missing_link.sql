with activity as (
    select
        facts.source_system,
        case
            when facts.activity_kind = 'interaction' then coalesce(channels.channel, 'unknown')
            else facts.activity_kind
        end as channel,
        facts.identifier_kind,
        facts.attribution,
        sum(facts.activity_count) as activity_count,
        sum(facts.amount) as amount
    from {{ ref('fct_source_activity') }} as facts
    left join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
    where facts.attribution not like 'known%'
    group by
        facts.source_system,
        case
            when facts.activity_kind = 'interaction' then coalesce(channels.channel, 'unknown')
            else facts.activity_kind
        end,
        facts.identifier_kind,
        facts.attribution
),

systems as (
    select
        source_system,
        title,
        customer_count
    from {{ ref('source_system_connectedness') }}
),

missing_identifiers as (
    select
        'identifier' as link_kind,
        source_system,
        channel,
        identifier_kind,
        attribution as reason,
        cast(null as {{ dbt.type_string() }}) as other_source_system,
        activity_count,
        amount
    from activity
),

-- Systems with activity and systems with customer records that share no kind of identifier.
missing_pairs as (
    select
        'pair of systems' as link_kind,
        activity.source_system,
        activity.channel,
        'none' as identifier_kind,
        'no common identifier' as reason,
        links.other_source_system,
        sum(activity.activity_count) as activity_count,
        sum(activity.amount) as amount
    from activity
    inner join {{ ref('source_system_link') }} as links
        on activity.source_system = links.source_system and links.link_path = 'none'
    inner join systems on links.other_source_system = systems.source_system and systems.customer_count > 0
    group by activity.source_system, activity.channel, links.other_source_system
),

missing as (
    select * from missing_identifiers
    union all
    select * from missing_pairs
),

judged as (
    select
        missing.*,
        systems.title as system_title,
        others.title as other_system_title,
        channels.title as channel_title,
        lower(kinds.title) as activity_title,
        channels.visibility,
        cast(channels.known_count + missing.activity_count as double) / channels.activity_count as visibility_with_link,
        channels.is_above_target,
        channels.known_count + missing.activity_count >= channels.target_share * channels.activity_count
            as is_above_target_with_link,
        row_number() over (
            order by
                missing.activity_count desc, missing.link_kind asc, missing.source_system asc, missing.channel asc,
                missing.identifier_kind asc, missing.reason asc, missing.other_source_system asc
        ) as link_rank
    from missing
    inner join systems on missing.source_system = systems.source_system
    inner join {{ ref('channel_visibility') }} as channels on missing.channel = channels.channel
    inner join {{ ref('activity_kinds') }} as kinds on channels.activity_kind = kinds.activity_kind
    left join systems as others on missing.other_source_system = others.source_system
),

worded as (
    select
        judged.*,
        case
            when judged.link_kind = 'pair of systems'
                then 'have no kind of identifier in common with ' || judged.other_system_title
            else replace(
                coalesce(reasons.what_is_missing, 'cannot be attributed (' || judged.reason || ')'),
                '{kind}',
                replace(judged.identifier_kind, '_', ' ')
            )
        end as what_is_missing,
        case
            when judged.link_kind = 'pair of systems' then 'Deliver in one of them an identifier that the other uses'
            else coalesce(reasons.remedy, 'Look at the activity and at its source')
        end as remedy
    from judged
    left join {{ ref('attributions') }} as reasons on judged.reason = reasons.attribution
)

select
    cast(link_rank as int) as link_rank,
    link_kind,
    source_system,
    channel,
    identifier_kind,
    reason,
    other_source_system,
    cast(activity_count as bigint) as activity_count,
    coalesce(cast(amount as decimal(18, 6)), 0) as amount,
    visibility,
    visibility_with_link,
    is_above_target_with_link and not is_above_target as lifts_above_target,
    system_title || ': ' || cast(cast(activity_count as bigint) as {{ dbt.type_string() }}) || ' '
    || activity_title || ' ' || what_is_missing || '. ' || remedy || ': the visibility of ' || channel_title
    || ' would rise from '
    || cast(cast(floor(100 * visibility + 0.000001) as int) as {{ dbt.type_string() }})
    || ' % to at most '
    || cast(cast(round(100 * visibility_with_link) as int) as {{ dbt.type_string() }}) || ' %.' as sentence
from worded
