{#- Everything is as it was known at the as of: what changed later had not changed yet. -#}
{%- set limits = var('situation') -%}
{%- set gap = var('contact_gap_minutes') -%}
{%- set text = dbt.type_string() -%}
{%- set day_ago = dbt.dateadd('hour', -limits.contact_hours, as_of()) -%}
with customers as (
    select customer_key
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

needs as (
    select need, precedence, window_hours, threshold, action
    from {{ ref('needs') }}
),

products as (
    select product_key, product_line, coalesce(title, product_id) as title
    from {{ ref('dim_product') }}
),

interactions as (
    select
        facts.customer_key,
        facts.interaction_key,
        facts.happened_at,
        facts.direction,
        facts.device_key,
        facts.product_key,
        facts.detail,
        touchpoints.touchpoint,
        touchpoints.channel,
        row_number() over (
            partition by facts.customer_key order by facts.happened_at desc, facts.interaction_key desc
        ) as newest_rank
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    where facts.happened_at < {{ as_of() }} and facts.customer_key > 0
),

latest as (
    select
        customer_key,
        max(case when newest_rank = 1 then touchpoint end) as last_touchpoint,
        max(case when newest_rank = 1 then channel end) as last_channel,
        max(happened_at) as last_interaction_at,
        cast(count(case when happened_at >= {{ dbt.dateadd('day', -7, as_of()) }} then 1 end) as int)
            as interaction_count_7d
    from interactions
    group by customer_key
),

-- Sessions: what the customer did on the site or in the app in the last day, cut where nothing happened for a while.
clicks as (
    select
        *,
        case
            when {{ dbt.datediff('lag(happened_at) over earlier', 'happened_at', 'second') }} <= {{ gap * 60 }} then 0
            else 1
        end as begins_session
    from interactions
    where channel in ('web', 'app') and direction = 'inbound' and happened_at >= {{ day_ago }}
    window earlier as (partition by customer_key, channel order by happened_at, interaction_key)
),

numbered_clicks as (
    select
        *,
        sum(begins_session) over (
            partition by customer_key, channel
            order by happened_at, interaction_key
            rows between unbounded preceding and current row
        ) as session_number
    from clicks
),

sessions as (
    select
        customer_key,
        channel,
        session_number,
        min(happened_at) as started_at,
        max(happened_at) as last_at,
        cast(count(case when touchpoint in ('web_view', 'app_view') then 1 end) as int) as page_count,
        row_number() over (partition by customer_key order by max(happened_at) desc, channel asc) as newest_rank
    from numbered_clicks
    group by customer_key, channel, session_number
),

-- What a session is about: the line of most of its clicks, the first by name of equals.
session_lines as (
    select
        clicked.customer_key,
        products.product_line,
        row_number() over (
            partition by clicked.customer_key order by count(*) desc, products.product_line asc
        ) as line_rank
    from numbered_clicks as clicked
    inner join sessions
        on
            clicked.customer_key = sessions.customer_key
            and clicked.channel = sessions.channel
            and clicked.session_number = sessions.session_number
            and sessions.newest_rank = 1
    inner join products on clicked.product_key = products.product_key
    where products.product_line is not null
    group by clicked.customer_key, products.product_line
),

last_sessions as (
    select
        sessions.customer_key,
        sessions.channel,
        sessions.started_at,
        sessions.last_at,
        sessions.page_count,
        session_lines.product_line,
        {{ dbt.datediff('sessions.last_at', as_of(), 'second') }} <= {{ gap * 60 }} as is_running
    from sessions
    left join session_lines on sessions.customer_key = session_lines.customer_key and session_lines.line_rank = 1
    where sessions.newest_rank = 1
),

devices_used as (
    select
        interactions.customer_key,
        devices.device_class,
        devices.operating_system,
        interactions.happened_at,
        row_number() over (
            partition by interactions.customer_key
            order by interactions.happened_at desc, interactions.interaction_key desc
        ) as newest_rank
    from interactions
    inner join {{ ref('dim_device') }} as devices on interactions.device_key = devices.device_key
    where devices.device_kind <> 'product' and interactions.direction = 'inbound'
),

orders as (
    select customer_key, max(ordered_at) as last_ordered_at
    from {{ ref('fct_order_line') }}
    where ordered_at < {{ as_of() }} and line_kind = 'purchase' and customer_key > 0
    group by customer_key
),

-- A line is in the cart until it is ordered or taken out; who orders anything later has left the rest behind.
cart_lines as (
    select
        lines.customer_key,
        cast(count(*) as int) as line_count,
        cast(sum(lines.list_amount) as decimal(18, 2)) as amount,
        case when min(lines.currency) = max(lines.currency) then min(lines.currency) end as currency,
        min(lines.added_at) as since,
        max(lines.added_at) as last_added_at
    from {{ ref('fct_cart_line') }} as lines
    left join orders on lines.customer_key = orders.customer_key
    where
        lines.customer_key > 0
        and lines.added_at < {{ as_of() }}
        and lines.added_at >= {{ dbt.dateadd('hour', -limits.cart_hours, as_of()) }}
        and (lines.state in ('open', 'abandoned') or lines.state_since >= {{ as_of() }})
        and (orders.last_ordered_at is null or orders.last_ordered_at < lines.added_at)
    group by lines.customer_key
),

carts as (
    select
        cart_lines.*,
        {{ dbt.datediff('cart_lines.last_added_at', as_of(), 'second') }} > {{ gap * 60 }}
        and not coalesce(last_sessions.is_running, false) as is_abandoned
    from cart_lines
    left join last_sessions on cart_lines.customer_key = last_sessions.customer_key
),

searches as (
    select
        customer_key,
        cast(count(*) as int) as search_count,
        {{ sorted_list_of('detail') }} as terms,
        max(happened_at) as last_searched_at
    from interactions
    where touchpoint = 'web_search' and happened_at >= {{ day_ago }}
    group by customer_key
),

-- A stay that is not over is known up to the as of. Who arrived before the day began may still be there.
stays as (
    select
        positions.customer_key,
        positions.position_key,
        positions.position_kind,
        positions.arrived_at,
        least(positions.left_at, {{ as_of() }}) as last_seen_at,
        coalesce(positions.latitude, locations.latitude) as latitude,
        coalesce(positions.longitude, locations.longitude) as longitude,
        positions.accuracy_metres,
        locations.location_kind,
        locations.title,
        locations.site_location_key,
        locations.site_title
    from {{ ref('fct_position') }} as positions
    left join {{ ref('dim_location') }} as locations on positions.location_key = locations.location_key
    where
        positions.customer_key > 0
        and positions.arrived_at < {{ as_of() }}
        and positions.left_at >= {{ day_ago }}
),

last_positions as (
    select
        *,
        row_number() over (
            partition by customer_key order by last_seen_at desc, arrived_at desc, position_key desc
        ) as newest_rank
    from stays
),

stores as (
    select location_key, title, latitude, longitude
    from {{ ref('dim_location') }}
    where location_kind = 'store' and latitude is not null and longitude is not null
),

store_distances as (
    select
        last_positions.customer_key,
        stores.title,
        {{ distance_metres('last_positions.latitude', 'last_positions.longitude', 'stores.latitude', 'stores.longitude') }}
            as metres,
        stores.location_key
    from last_positions
    cross join stores
    where last_positions.newest_rank = 1 and last_positions.latitude is not null
),

near_stores as (
    select
        customer_key,
        title,
        metres,
        row_number() over (partition by customer_key order by metres asc, location_key asc) as nearness_rank
    from store_distances
),

-- A visit is what beacons of one store saw without a long pause; its zone is the one of the last sighting.
beacon_stays as (
    select
        *,
        case
            when site_location_key = lag(site_location_key) over earlier
                and {{ dbt.datediff('lag(last_seen_at) over earlier', 'arrived_at', 'second') }}
                <= {{ limits.in_store_minutes * 60 }}
                then 0
            else 1
        end as begins_visit
    from stays
    where position_kind = 'beacon'
    window earlier as (partition by customer_key order by arrived_at, position_key)
),

numbered_visits as (
    select
        *,
        sum(begins_visit) over (
            partition by customer_key
            order by arrived_at, position_key
            rows between unbounded preceding and current row
        ) as visit_number,
        row_number() over (partition by customer_key order by arrived_at desc, position_key desc) as newest_rank
    from beacon_stays
),

visits as (
    select
        customer_key,
        visit_number,
        max(case when newest_rank = 1 then site_title end) as store,
        max(case when newest_rank = 1 then title end) as zone,
        min(arrived_at) as arrived_at,
        max(last_seen_at) as last_seen_at,
        cast({{ dbt.datediff('min(arrived_at)', 'max(last_seen_at)', 'second') }} as bigint) as dwell_seconds,
        cast({{ dbt.datediff(
            'max(case when newest_rank = 1 then arrived_at end)',
            'max(case when newest_rank = 1 then last_seen_at end)',
            'second'
        ) }} as bigint) as zone_dwell_seconds,
        {{ dbt.datediff('max(last_seen_at)', as_of(), 'second') }} <= {{ limits.in_store_minutes * 60 }} as is_there
    from numbered_visits
    group by customer_key, visit_number
    having min(newest_rank) = 1
),

readings as (
    select
        customer_key,
        product_reading_key,
        device_key,
        product_key,
        valid_from,
        battery_percent,
        fault_code,
        lag(fault_code) over (partition by device_key order by valid_from, product_reading_key) as previous_fault_code,
        row_number() over (
            partition by device_key order by valid_from desc, product_reading_key desc
        ) as newest_rank
    from {{ ref('fct_product_reading') }}
    where valid_from < {{ as_of() }} and customer_key > 0
),

-- A fault is there since the first reading of the unbroken row that reports it.
faults as (
    select
        device_key,
        max(case
            when fault_code is not null and (previous_fault_code is null or previous_fault_code <> fault_code)
                then valid_from
        end) as fault_since
    from readings
    group by device_key
),

-- Of several connected products the one that needs most: with a fault, then with the emptiest battery.
product_states as (
    select
        readings.customer_key,
        products.title,
        readings.battery_percent,
        readings.fault_code,
        case when readings.fault_code is not null then faults.fault_since end as fault_since,
        readings.valid_from as read_at,
        cast(count(*) over (partition by readings.customer_key) as int) as product_count,
        row_number() over (
            partition by readings.customer_key
            order by
                case when readings.fault_code is not null then 0 else 1 end,
                readings.battery_percent asc,
                readings.valid_from desc,
                readings.device_key asc
        ) as need_rank
    from readings
    inner join faults on readings.device_key = faults.device_key
    left join products on readings.product_key = products.product_key
    where readings.newest_rank = 1
),

complaints as (
    select
        complaints.customer_key,
        complaints.complaint_kind,
        complaints.opened_at,
        case when complaints.reopened_at < {{ as_of() }} then complaints.reopened_at end as reopened_at,
        row_number() over (
            partition by complaints.customer_key order by complaints.opened_at, complaints.complaint_key
        ) as oldest_rank
    from {{ ref('fct_complaint') }} as complaints
    where
        complaints.customer_key > 0
        and complaints.opened_at < {{ as_of() }}
        and {{ is_open_at('complaints', as_of()) }}
),

appointments as (
    select
        appointments.customer_key,
        appointments.appointment_kind,
        appointments.starts_at,
        locations.title as location,
        row_number() over (
            partition by appointments.customer_key order by appointments.starts_at, appointments.appointment_key
        ) as next_rank
    from {{ ref('fct_appointment') }} as appointments
    left join {{ ref('dim_location') }} as locations on appointments.location_key = locations.location_key
    where
        appointments.customer_key > 0
        and appointments.booked_at < {{ as_of() }}
        and appointments.starts_at >= {{ as_of() }}
        and not (
            coalesce(appointments.status, '') = 'cancelled'
            and coalesce(appointments.changed_at, appointments.booked_at) < {{ as_of() }}
        )
),

present_stays as (
    select customer_key, max(ended_at) as stay_ends_at, max(booked_item) as stay_item
    from {{ ref('fct_booking') }}
    where started_at <= {{ as_of() }} and ended_at > {{ as_of() }} and customer_key > 0
    group by customer_key
),

last_answers as (
    select
        customer_key,
        score,
        scale_maximum,
        answered_at,
        row_number() over (partition by customer_key order by answered_at desc, survey_answer_key desc) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where answered_at < {{ as_of() }} and customer_key > 0 and is_about_satisfaction
),

felt_needs as (
    select
        present_stays.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        'in the house (' || present_stays.stay_item || ') until '
        || cast(cast(present_stays.stay_ends_at as date) as {{ text }}) as evidence
    from present_stays
    inner join needs on needs.need = 'comfort_during_stay'

    union all

    select
        complaints.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        'complaint' || coalesce(' about ' || replace(complaints.complaint_kind, '_', ' '), '') || ' is open since '
        || {{ moment_text('complaints.opened_at') }}
        || coalesce(', opened again ' || {{ moment_text('complaints.reopened_at') }}, '') as evidence
    from complaints
    inner join needs on needs.need = 'open_complaint_help'
    where complaints.oldest_rank = 1

    union all

    select
        states.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        coalesce(states.title, 'product') || ' reports ' || states.fault_code || ' since '
        || {{ moment_text('states.fault_since') }}
        || coalesce(', battery at ' || {{ whole_text('states.battery_percent') }} || ' %', '')
        || ' (read ' || {{ moment_text('states.read_at') }} || ')' as evidence
    from product_states as states
    inner join needs
        on
            needs.need = 'product_fault_service'
            and states.fault_code is not null
            and {{ is_within_hours('states.read_at', 'needs.window_hours') }}
    where states.need_rank = 1

    union all

    select
        states.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        coalesce(states.title, 'product') || ' has its battery at ' || {{ whole_text('states.battery_percent') }}
        || ' % (read ' || {{ moment_text('states.read_at') }} || ')' as evidence
    from product_states as states
    inner join needs
        on
            needs.need = 'low_battery_service'
            and states.battery_percent <= needs.threshold
            and {{ is_within_hours('states.read_at', 'needs.window_hours') }}
    where states.need_rank = 1

    union all

    select
        visits.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        'in ' || coalesce(visits.store, 'the store') || coalesce(', ' || replace(visits.zone, '_', ' '), '')
        || ', seen ' || {{ moment_text('visits.last_seen_at') }} || ', there since '
        || {{ moment_text('visits.arrived_at') }} as evidence
    from visits
    inner join needs
        on
            needs.need = 'in_store_help'
            and {{ is_within_hours('visits.last_seen_at', 'needs.window_hours') }}

    union all

    select
        searches.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        'searched ' || {{ moment_text('searches.last_searched_at') }} || ', and was '
        || {{ whole_text('near_stores.metres') }} || ' m from ' || near_stores.title || ' '
        || {{ moment_text('last_positions.last_seen_at') }} as evidence
    from searches
    inner join near_stores
        on
            searches.customer_key = near_stores.customer_key
            and near_stores.nearness_rank = 1
            and near_stores.metres <= {{ var('stays').near_metres }}
    inner join last_positions
        on searches.customer_key = last_positions.customer_key and last_positions.newest_rank = 1
    inner join needs
        on
            needs.need = 'near_store_search'
            and {{ is_within_hours('searches.last_searched_at', 'needs.window_hours') }}
            and {{ is_within_hours('last_positions.last_seen_at', 'needs.window_hours') }}

    union all

    select
        last_answers.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        'rated ' || cast(cast(last_answers.score as int) as {{ text }})
        || ' of ' || cast(last_answers.scale_maximum as {{ text }})
        || ' on ' || cast(cast(last_answers.answered_at as date) as {{ text }}) as evidence
    from last_answers
    inner join needs
        on
            needs.need = 'service_recovery'
            and last_answers.score <= needs.threshold
            and {{ is_within_hours('last_answers.answered_at', 'needs.window_hours') }}
    where last_answers.newest_rank = 1

    union all

    select
        appointments.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        coalesce(replace(appointments.appointment_kind, '_', ' '), 'appointment') || ' at '
        || {{ moment_text('appointments.starts_at') }} || coalesce(' in ' || appointments.location, '') as evidence
    from appointments
    inner join needs
        on
            needs.need = 'appointment_preparation'
            and {{ dbt.datediff(as_of(), 'appointments.starts_at', 'second') }} <= needs.window_hours * 3600
    where appointments.next_rank = 1

    union all

    select
        carts.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        'left ' || {{ whole_text('carts.line_count') }}
        || case when carts.line_count = 1 then ' product' else ' products' end || ' in the cart'
        || coalesce(' worth ' || cast(carts.amount as {{ text }}) || ' ' || carts.currency, '')
        || ', the last put there ' || {{ moment_text('carts.last_added_at') }} as evidence
    from carts
    inner join needs
        on
            needs.need = 'cart_help'
            and carts.is_abandoned
            and {{ is_within_hours('carts.last_added_at', 'needs.window_hours') }}

    union all

    select
        searches.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        'searched ' || {{ whole_text('searches.search_count') }} || ' times within '
        || '{{ limits.contact_hours }} hours, the last '
        || {{ moment_text('searches.last_searched_at') }} || ', and bought nothing since' as evidence
    from searches
    left join orders on searches.customer_key = orders.customer_key
    inner join needs
        on
            needs.need = 'search_help'
            and searches.search_count >= needs.threshold
            and {{ is_within_hours('searches.last_searched_at', 'needs.window_hours') }}
    where orders.last_ordered_at is null or orders.last_ordered_at < {{ day_ago }}

    union all

    select
        last_sessions.customer_key,
        needs.need,
        needs.precedence,
        needs.action,
        case when last_sessions.channel = 'app' then 'in the app' else 'on the site' end || ' since '
        || {{ moment_text('last_sessions.started_at') }}
        || coalesce(', looking at ' || replace(last_sessions.product_line, '_', ' '), '') as evidence
    from last_sessions
    inner join needs
        on
            needs.need = 'running_session_help'
            and last_sessions.product_line is not null
            and {{ is_within_hours('last_sessions.last_at', 'needs.window_hours') }}
    left join orders on last_sessions.customer_key = orders.customer_key
    where orders.last_ordered_at is null or orders.last_ordered_at < last_sessions.started_at
),

first_needs as (
    select
        customer_key,
        need,
        evidence,
        action,
        row_number() over (partition by customer_key order by precedence, need) as need_rank
    from felt_needs
)

select
    customers.customer_key,
    {{ as_of() }} as as_of,
    latest.last_touchpoint,
    latest.last_channel,
    latest.last_interaction_at,
    cast({{ dbt.datediff('latest.last_interaction_at', as_of(), 'day') }} as bigint) as days_since_last_interaction,
    coalesce(latest.interaction_count_7d, 0) as interaction_count_7d,
    coalesce(last_sessions.is_running, false) as is_session_running,
    last_sessions.channel as session_channel,
    last_sessions.started_at as session_started_at,
    last_sessions.last_at as session_last_at,
    last_sessions.page_count as session_page_count,
    last_sessions.product_line as session_product_line,
    devices_used.device_class as last_device_class,
    devices_used.operating_system as last_device_operating_system,
    devices_used.happened_at as last_device_used_at,
    coalesce(carts.line_count, 0) as cart_line_count,
    carts.amount as cart_amount,
    carts.currency as cart_currency,
    carts.since as cart_since,
    carts.last_added_at as cart_last_added_at,
    coalesce(carts.is_abandoned, false) as is_cart_abandoned,
    coalesce(searches.search_count, 0) as search_count_1d,
    searches.terms as search_terms,
    last_positions.last_seen_at as position_at,
    cast({{ dbt.datediff('last_positions.last_seen_at', as_of(), 'second') }} as bigint) as position_age_seconds,
    last_positions.accuracy_metres as position_accuracy_metres,
    near_stores.title as nearest_store,
    cast(round(near_stores.metres) as double) as nearest_store_metres,
    coalesce(visits.is_there, false) as is_in_store,
    visits.store as visited_store,
    visits.zone as visited_zone,
    visits.arrived_at as visit_started_at,
    visits.last_seen_at as visit_last_seen_at,
    visits.dwell_seconds as visit_dwell_seconds,
    visits.zone_dwell_seconds,
    coalesce(product_states.product_count, 0) as connected_product_count,
    product_states.title as connected_product,
    product_states.battery_percent,
    product_states.fault_code,
    product_states.fault_since,
    product_states.read_at as product_read_at,
    complaints.complaint_kind as open_complaint_kind,
    complaints.opened_at as open_complaint_since,
    complaints.reopened_at as open_complaint_reopened_at,
    appointments.appointment_kind as next_appointment_kind,
    appointments.starts_at as next_appointment_at,
    appointments.location as next_appointment_location,
    present_stays.customer_key is not null as is_in_house,
    present_stays.stay_ends_at,
    first_needs.need,
    first_needs.evidence as need_evidence,
    first_needs.action as need_action,
    freshness.fresh_until,
    coalesce(freshness.is_stale, false) as is_stale
from customers
left join latest on customers.customer_key = latest.customer_key
left join last_sessions on customers.customer_key = last_sessions.customer_key
left join devices_used on customers.customer_key = devices_used.customer_key and devices_used.newest_rank = 1
left join carts on customers.customer_key = carts.customer_key
left join searches on customers.customer_key = searches.customer_key
left join last_positions on customers.customer_key = last_positions.customer_key and last_positions.newest_rank = 1
left join near_stores on customers.customer_key = near_stores.customer_key and near_stores.nearness_rank = 1
left join visits on customers.customer_key = visits.customer_key
left join product_states on customers.customer_key = product_states.customer_key and product_states.need_rank = 1
left join complaints on customers.customer_key = complaints.customer_key and complaints.oldest_rank = 1
left join appointments on customers.customer_key = appointments.customer_key and appointments.next_rank = 1
left join present_stays on customers.customer_key = present_stays.customer_key
left join first_needs on customers.customer_key = first_needs.customer_key and first_needs.need_rank = 1
left join {{ ref('context_freshness') }} as freshness on freshness.context = 'situational'
