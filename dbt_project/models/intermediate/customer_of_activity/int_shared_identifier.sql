{{ config(materialized='table') }}

with interactions as (
    select * from {{ ref('int_interaction') }}
),

uses as (
    select
        identifier_kind,
        identifier_value,
        source_system,
        session_id,
        is_purchase,
        cast(happened_at as date) as used_on
    from interactions
    where identifier_value is not null

    union all

    select
        'device' as identifier_kind,
        device_id as identifier_value,
        source_system,
        session_id,
        is_purchase,
        cast(happened_at as date) as used_on
    from interactions
    where
        device_id is not null
        and (identifier_value is null or identifier_kind not in {{ anonymous_identifier_kinds() }})
),

per_day as (
    select
        uses.identifier_kind,
        uses.identifier_value,
        uses.used_on,
        count(*) as event_count,
        count(distinct uses.source_system || '|' || uses.session_id) as session_count,
        count(case when uses.is_purchase then 1 end) as purchase_count
    from uses
    group by uses.identifier_kind, uses.identifier_value, uses.used_on
),

busiest as (
    select
        identifier_kind,
        identifier_value,
        max(event_count) as event_count,
        max(session_count) as session_count,
        max(purchase_count) as purchase_count
    from per_day
    group by identifier_kind, identifier_value
),

-- A kind without limits of its own has those of `any`.
limited as (
    select
        busiest.*,
        coalesce(limits.most_events_per_day, others.most_events_per_day) as most_events,
        coalesce(limits.most_sessions_per_day, others.most_sessions_per_day) as most_sessions,
        coalesce(limits.most_purchases_per_day, others.most_purchases_per_day) as most_purchases
    from busiest
    inner join {{ ref('identifier_limits') }} as others on others.identifier_kind = 'any'
    left join {{ ref('identifier_limits') }} as limits on busiest.identifier_kind = limits.identifier_kind
),

judged as (
    select
        identifier_kind,
        identifier_value,
        case
            when purchase_count > most_purchases then 'purchases'
            when session_count > most_sessions then 'sessions'
            when event_count > most_events then 'events'
        end as measure,
        case
            when purchase_count > most_purchases then purchase_count
            when session_count > most_sessions then session_count
            when event_count > most_events then event_count
        end as count_on_busiest_day,
        case
            when purchase_count > most_purchases then most_purchases
            when session_count > most_sessions then most_sessions
            when event_count > most_events then most_events
        end as most_per_day
    from limited
)

select *
from judged
where measure is not null
