-- Every sign of a need at the as of, with the facts behind it. Which need it is, for how long it counts and in which
-- words it is shown stands in the settings needs.
with searches as (
    select
        searches.customer_key,
        searches.search_count,
        searches.last_searched_at,
        positions.nearest_store,
        positions.nearest_store_metres,
        positions.last_seen_at,
        orders.last_ordered_at
    from {{ ref('int_recent_search') }} as searches
    left join {{ ref('int_last_position') }} as positions on searches.customer_key = positions.customer_key
    left join {{ ref('int_last_order') }} as orders on searches.customer_key = orders.customer_key
),

sessions as (
    select
        sessions.customer_key,
        sessions.channel,
        sessions.started_at,
        sessions.last_at,
        sessions.product_line,
        orders.last_ordered_at
    from {{ ref('int_last_session') }} as sessions
    left join {{ ref('int_last_order') }} as orders on sessions.customer_key = orders.customer_key
)

{{ need_signal('running_booking', ref('int_running_booking'), at='ends_at', what='booked_item') }}

union all

{{ need_signal(
    'open_complaint', ref('int_open_complaint'), at='opened_at', again='reopened_at', what=words('complaint_kind'),
    where='answered_at is null'
) }}

union all

{{ need_signal(
    'answered_complaint', ref('int_open_complaint'), at='answered_at', since='opened_at', again='reopened_at',
    what=words('complaint_kind'), figure='days_since_answer', where='answered_at is not null'
) }}

union all

{{ need_signal('missed_call', ref('int_missed_call'), at='last_called_at', since='first_called_at') }}

union all

{{ need_signal('promised_call', ref('int_promised_call'), at='promised_at', detail='detail') }}

union all

{{ need_signal(
    'unanswered_chat', ref('int_unanswered_chat'), at='last_written_at', since='waits_since', figure='waiting_minutes'
) }}

union all

{{ need_signal('unhappy_leaver', ref('int_unhappy_leaver'), at='left_at', since='unhappy_at', what='sign') }}

union all

{{ need_signal(
    'product_fault', ref('int_product_fault'), at='last_fault_at', since='fault_since',
    what="coalesce(title, 'product')", detail='last_fault_code', figure='battery_percent', where='is_reported'
) }}

union all

{{ need_signal(
    'past_product_fault', ref('int_product_fault'), at='last_fault_at', since='fault_since', again='gone_at',
    what="coalesce(title, 'product')", detail='last_fault_code', where='not is_reported'
) }}

union all

{{ need_signal(
    'service_due', ref('int_service_due'), at='read_at', since='due_since', what="coalesce(title, 'product')",
    figure='distance_km'
) }}

union all

{{ need_signal(
    'product_battery', ref('int_product_state'), at='read_at', what="coalesce(title, 'product')",
    figure='battery_percent'
) }}

union all

{{ need_signal(
    'store_visit', ref('int_store_visit'), at='last_seen_at', since='arrived_at', place="coalesce(store, 'the store')",
    detail=words('zone')
) }}

union all

{{ need_signal(
    'search_near_store', 'searches', at='last_searched_at', again='last_seen_at', place='nearest_store',
    figure='nearest_store_metres', counts_from='least(last_searched_at, last_seen_at)',
    where='nearest_store_metres <= ' ~ var('stays').near_metres
) }}

union all

{{ need_signal(
    'satisfaction', ref('int_last_satisfaction'), at='answered_at', figure='score',
    detail='cast(scale_maximum as ' ~ dbt.type_string() ~ ')'
) }}

union all

{{ need_signal(
    'appointment', ref('int_next_appointment'), at='starts_at', place='location',
    what="coalesce(" ~ words('appointment_kind') ~ ", 'appointment')"
) }}

union all

{{ need_signal(
    'abandoned_cart', ref('int_open_cart'), at='last_added_at', figure='line_count',
    detail=amount_text('amount') ~ " || ' ' || currency", where='is_abandoned'
) }}

union all

{{ need_signal(
    'searches', 'searches', at='last_searched_at', figure='search_count',
    where='last_ordered_at is null or last_ordered_at < ' ~ situation_begins_at()
) }}

union all

{{ need_signal(
    'session', 'sessions', at='last_at', since='started_at', place='channel', what=words('product_line'),
    where='product_line is not null and (last_ordered_at is null or last_ordered_at < started_at)'
) }}
