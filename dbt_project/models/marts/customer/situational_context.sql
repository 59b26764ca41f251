{#- `context360 who --as-of` compiles this model for an earlier moment: all between it and the star is ephemeral. -#}
with customers as (
    select customer_key
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

first_needs as (
    select
        customer_key,
        need,
        evidence,
        action
    from {{ ref('int_customer_need') }}
    where need_rank = 1
)

select
    customers.customer_key,
    {{ as_of() }} as as_of,
    contacts.last_touchpoint,
    contacts.last_channel,
    contacts.last_interaction_at,
    cast({{ dbt.datediff('contacts.last_interaction_at', as_of(), 'day') }} as bigint) as days_since_last_interaction,
    coalesce(contacts.interaction_count_7d, 0) as interaction_count_7d,
    coalesce(sessions.is_running, false) as is_session_running,
    sessions.channel as session_channel,
    sessions.started_at as session_started_at,
    sessions.last_at as session_last_at,
    sessions.page_count as session_page_count,
    {{ profiled('sessions.product_line') }} as session_product_line,
    contacts.device_class as last_device_class,
    contacts.operating_system as last_device_operating_system,
    contacts.device_used_at as last_device_used_at,
    coalesce(carts.line_count, 0) as cart_line_count,
    carts.amount as cart_amount,
    carts.currency as cart_currency,
    carts.since as cart_since,
    carts.last_added_at as cart_last_added_at,
    coalesce(carts.is_abandoned, false) as is_cart_abandoned,
    coalesce(searches.search_count, 0) as search_count_1d,
    searches.terms as search_terms,
    positions.last_seen_at as position_at,
    cast({{ dbt.datediff('positions.last_seen_at', as_of(), 'second') }} as bigint) as position_age_seconds,
    positions.accuracy_metres as position_accuracy_metres,
    positions.nearest_store,
    cast(round(positions.nearest_store_metres) as double) as nearest_store_metres,
    coalesce(visits.is_there, false) as is_in_store,
    visits.store as visited_store,
    visits.zone as visited_zone,
    visits.arrived_at as visit_started_at,
    visits.last_seen_at as visit_last_seen_at,
    visits.dwell_seconds as visit_dwell_seconds,
    visits.zone_dwell_seconds,
    coalesce(products.product_count, 0) as connected_product_count,
    products.title as connected_product,
    products.battery_percent,
    products.fault_code,
    products.fault_since,
    products.read_at as product_read_at,
    complaints.complaint_kind as open_complaint_kind,
    complaints.opened_at as open_complaint_since,
    complaints.reopened_at as open_complaint_reopened_at,
    complaints.answered_at as open_complaint_answered_at,
    appointments.appointment_kind as next_appointment_kind,
    appointments.starts_at as next_appointment_at,
    appointments.location as next_appointment_location,
    bookings.customer_key is not null as is_in_house,
    bookings.ends_at as stay_ends_at,
    first_needs.need,
    first_needs.evidence as need_evidence,
    first_needs.action as need_action,
    {{ no_profile_reason() }} as no_profile_reason,
    freshness.fresh_until,
    coalesce(freshness.is_stale, false) as is_stale
from customers
left join {{ ref('int_last_contact') }} as contacts on customers.customer_key = contacts.customer_key
left join {{ ref('int_last_session') }} as sessions on customers.customer_key = sessions.customer_key
left join {{ ref('int_open_cart') }} as carts on customers.customer_key = carts.customer_key
left join {{ ref('int_recent_search') }} as searches on customers.customer_key = searches.customer_key
left join {{ ref('int_last_position') }} as positions on customers.customer_key = positions.customer_key
left join {{ ref('int_store_visit') }} as visits on customers.customer_key = visits.customer_key
left join {{ ref('int_product_state') }} as products on customers.customer_key = products.customer_key
left join {{ ref('int_open_complaint') }} as complaints on customers.customer_key = complaints.customer_key
left join {{ ref('int_next_appointment') }} as appointments on customers.customer_key = appointments.customer_key
left join {{ ref('int_running_booking') }} as bookings on customers.customer_key = bookings.customer_key
left join first_needs on customers.customer_key = first_needs.customer_key
{{ join_profiling_gate('customers.customer_key') }}
left join {{ ref('context_freshness') }} as freshness on freshness.context = 'situational'
