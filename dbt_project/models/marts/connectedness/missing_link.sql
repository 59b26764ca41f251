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

-- The money of purchases, by whether their buyers are known in a channel.
paid as (
    select
        customer_key,
        sum(reporting_net_amount) as amount
    from (
        select
            customer_key,
            reporting_net_amount
        from {{ ref('fct_order_line') }}

        union all

        select
            customer_key,
            reporting_net_amount
        from {{ ref('fct_booking') }}
    ) as payments
    group by customer_key
),

met as (
    select
        channels.channel,
        facts.customer_key
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key

    union

    select
        'position' as channel,
        customer_key
    from {{ ref('fct_position') }}

    union

    select
        'reading' as channel,
        customer_key
    from {{ ref('fct_product_reading') }}
),

seen as (
    select
        met.channel,
        sum(paid.amount) as amount
    from met
    inner join paid on met.customer_key = paid.customer_key
    where met.customer_key > 0
    group by met.channel
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
        channels.target_share,
        channels.is_above_target,
        -- Activity with an amount is a purchase without a customer. Other activity may belong to the purchases of
        -- buyers who are not known in the channel.
        case
            when missing.amount <> 0 then missing.amount
            else
                greatest(0, (select sum(paid.amount) from paid) - coalesce(seen.amount, 0))
                * cast(missing.activity_count as double) / channels.unknown_count
        end as purchases_amount,
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
    left join seen on missing.channel = seen.channel
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
),

reporting as (
    select max(currency) as currency
    from {{ ref('dim_currency') }}
    where is_reporting
)

select
    cast(worded.link_rank as int) as link_rank,
    worded.link_kind,
    worded.source_system,
    worded.channel,
    worded.identifier_kind,
    worded.reason,
    worded.other_source_system,
    cast(worded.activity_count as bigint) as activity_count,
    coalesce(cast(worded.amount as decimal(18, 6)), 0) as amount,
    cast(coalesce(worded.purchases_amount, 0) as decimal(18, 2)) as purchases_amount,
    reporting.currency,
    worded.visibility,
    worded.visibility_with_link,
    worded.is_above_target_with_link and not worded.is_above_target as lifts_above_target,
    worded.system_title || ': ' || cast(cast(worded.activity_count as bigint) as {{ dbt.type_string() }}) || ' '
    || worded.activity_title || ' ' || worded.what_is_missing || '. ' || worded.remedy || ': the visibility of '
    || worded.channel_title || ' could rise from '
    || {{ percent_text('worded.visibility', 'worded.target_share') }} || ' to '
    || {{ percent_text('worded.visibility_with_link', 'worded.target_share') }} || '.'
    || case
        when round(worded.purchases_amount) > 0 and reporting.currency is not null
            then
                case
                    when worded.amount <> 0 then ' It would give '
                    else ' It may show this channel in the history of up to '
                end
                || cast(cast(round(worded.purchases_amount) as bigint) as {{ dbt.type_string() }})
                || ' ' || reporting.currency || ' of purchases'
                || case when worded.amount <> 0 then ' a customer.' else '.' end
        else ''
    end as sentence
from worded
cross join reporting
