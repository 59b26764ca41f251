with customers as (
    select
        customer_key,
        first_known_at,
        loyalty_tier,
        loyalty_points
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

{{ purchase_summary() }},

-- Quintiles among the customers who bought; 5 is best. Equal customers have equal scores. The value of a customer whose
-- amounts have no exchange rate is not scored.
scored as (
    select
        customer_key,
        {{ quintile('last_purchase_at') }} as recency_score,
        {{ quintile('purchase_count') }} as frequency_score,
        case when current_value_amount is not null then {{ quintile('current_value_amount') }} end as monetary_score
    from purchases
    where purchase_count > 0
),

-- Lines bought and kept: one of which all that was paid came back is not owned. What was free has no refund.
lines_owned as (
    select
        payments.customer_key,
        products.product_line
    from payments
    inner join {{ ref('dim_product') }} as products on payments.product_key = products.product_key
    where products.product_line is not null
    group by payments.customer_key, products.product_line
    having
        count(case when payments.is_purchase then 1 end) > 0
        and (sum(payments.net_amount) > 0 or count(case when payments.line_kind = 'return' then 1 end) = 0)
),

product_lines as (
    select
        customer_key,
        cast(count(*) as int) as product_line_count,
        {{ sorted_list_of('product_line') }} as product_lines
    from lines_owned
    group by customer_key
),

interactions as (
    select
        facts.customer_key,
        facts.channel_key,
        facts.location_key,
        facts.happened_date_key,
        facts.happened_at,
        facts.direction,
        channels.channel,
        -- Also who only brings something back was there; whose appointment was missed was not.
        facts.direction = 'inbound'
        and coalesce(settings.presence = 'on_site', false)
        and (facts.took_place or facts.amount is not null) as is_on_site
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
    left join {{ ref('channels') }} as settings on channels.channel = settings.channel
    where facts.happened_at < {{ as_of() }} and facts.customer_key > 0
),

activity as (
    select
        customer_key,
        cast(count(*) as int) as interaction_count,
        max(happened_at) as last_interaction_at,
        -- A visit is a day: a purchase, its coupons and an appointment of one day are one.
        cast(count(distinct case when is_on_site then happened_date_key end) as int) as on_site_count,
        cast(count(distinct case
            when is_on_site and happened_at >= {{ dbt.dateadd('year', -1, as_of()) }} then happened_date_key
        end) as int) as on_site_count_12m,
        max(case when is_on_site then happened_at end) as last_on_site_at,
        cast(count(case when is_on_site then 1 end) as double)
        / nullif(count(case when direction = 'inbound' then 1 end), 0)
            as on_site_share,
        cast(count(case when channel = 'call' and direction = 'inbound' then 1 end) as int) as call_count
    from interactions
    group by customer_key
),

-- Of a zone, the store that it is in.
location_use as (
    select
        interactions.customer_key,
        locations.site_title as location,
        row_number() over (
            partition by interactions.customer_key
            order by
                count(distinct interactions.happened_date_key) desc,
                max(interactions.happened_at) desc,
                locations.site_title
        ) as location_rank
    from interactions
    inner join {{ ref('dim_location') }} as locations on interactions.location_key = locations.location_key
    where interactions.is_on_site and locations.site_title is not null
    group by interactions.customer_key, locations.site_title
),

-- The usual channel follows from what customers begin, not from what we send.
channel_use as (
    select
        customer_key,
        channel,
        count(*) as contact_count,
        row_number() over (
            partition by customer_key order by count(*) desc, max(happened_at) desc, channel
        ) as channel_rank
    from interactions
    where direction = 'inbound' and channel_key > 0
    group by customer_key, channel
),

-- Sources that know the day only deliver midnight, of UTC or of the wall: that is no hour.
wall_clock as (
    select
        customer_key,
        happened_at,
        {{ local_time('happened_at') }} as local_at,
        happened_at <> {{ dbt.date_trunc('day', 'happened_at') }} as has_time
    from interactions
    where direction = 'inbound'
),

hour_use as (
    select
        customer_key,
        local_hour,
        count(*) as contact_count,
        row_number() over (
            partition by customer_key order by count(*) desc, max(happened_at) desc, local_hour
        ) as hour_rank
    from (
        select
            customer_key,
            happened_at,
            cast(extract(hour from local_at) as int) as local_hour
        from wall_clock
        where has_time and local_at <> {{ dbt.date_trunc('day', 'local_at') }}
    ) as timed
    group by customer_key, local_hour
),

weekday_use as (
    select
        customer_key,
        local_weekday as iso_weekday,
        count(*) as contact_count,
        row_number() over (
            partition by customer_key order by count(*) desc, max(happened_at) desc, local_weekday
        ) as weekday_rank
    from (
        select
            customer_key,
            happened_at,
            cast({{ iso_weekday('case when has_time then local_at else happened_at end') }} as int) as local_weekday
        from wall_clock
    ) as dated
    group by customer_key, local_weekday
),

{{ reconciled_forecasts() }}

select
    customers.customer_key,
    customers.first_known_at,
    cast({{ dbt.datediff('customers.first_known_at', as_of(), 'day') }} as bigint) as tenure_days,
    purchases.first_purchase_at,
    purchases.last_purchase_at,
    cast({{ dbt.datediff('purchases.last_purchase_at', as_of(), 'day') }} as bigint) as recency_days,
    coalesce(purchases.purchase_count, 0) as purchase_count,
    coalesce(purchases.purchase_count_12m, 0) as purchase_count_12m,
    coalesce(purchases.purchase_day_count, 0) as purchase_day_count,
    {{ profiled('cast(' ~ steady('rhythms.interval_days') ~ ' as double)') }} as purchase_interval_days,
    {{ profiled('cast(' ~ steady('rhythms.silent_days / nullif(rhythms.interval_days, 0)') ~ ' as double)') }}
        as intervals_since_purchase,
    coalesce(purchases.current_value_amount, 0) as current_value_amount,
    coalesce(purchases.value_12m_amount, 0) as value_12m_amount,
    coalesce(purchases.discount_amount, 0) as discount_amount,
    coalesce(purchases.returned_amount, 0) as returned_amount,
    purchases.margin_amount,
    purchases.average_purchase_amount,
    case when purchases.customer_key is not null then reporting.currency end as currency,
    purchases.unconverted_currencies,
    {{ profiled('scored.recency_score') }} as recency_score,
    {{ profiled('scored.frequency_score') }} as frequency_score,
    {{ profiled('scored.monetary_score') }} as monetary_score,
    coalesce(purchases.product_count, 0) as product_count,
    coalesce(product_lines.product_line_count, 0) as product_line_count,
    product_lines.product_lines,
    coalesce(activity.interaction_count, 0) as interaction_count,
    activity.last_interaction_at,
    {{ profiled('channel_use.channel') }} as usual_channel,
    {{ profiled('weekday_use.iso_weekday') }} as usual_weekday,
    {{ profiled('hour_use.local_hour') }} as usual_hour,
    coalesce(activity.on_site_count, 0) as on_site_count,
    coalesce(activity.on_site_count_12m, 0) as on_site_count_12m,
    {{ profiled('activity.on_site_share') }} as on_site_share,
    activity.last_on_site_at,
    {{ profiled('location_use.location') }} as usual_location,
    coalesce(activity.call_count, 0) as call_count,
    customers.loyalty_tier,
    customers.loyalty_points,
    expected.expected_purchases_12m,
    expected.expected_value_12m_amount,
    expected.probability_alive,
    1 - expected.probability_alive as churn_risk,
    expected.next_purchase_date,
    expected.basis as value_basis,
    {{ no_profile_reason() }} as no_profile_reason,
    freshness.fresh_until,
    coalesce(freshness.is_stale, false) as is_stale
from customers
left join {{ ref('dim_currency') }} as reporting on reporting.is_reporting
left join purchases on customers.customer_key = purchases.customer_key
left join rhythms on customers.customer_key = rhythms.customer_key
left join scored on customers.customer_key = scored.customer_key
left join product_lines on customers.customer_key = product_lines.customer_key
left join activity on customers.customer_key = activity.customer_key
left join channel_use
    on
        customers.customer_key = channel_use.customer_key
        and channel_use.channel_rank = 1
        and channel_use.contact_count >= {{ var('usual_least_contacts') }}
left join hour_use
    on
        customers.customer_key = hour_use.customer_key
        and hour_use.hour_rank = 1
        and hour_use.contact_count >= {{ var('usual_least_contacts') }}
left join location_use on customers.customer_key = location_use.customer_key and location_use.location_rank = 1
left join weekday_use
    on
        customers.customer_key = weekday_use.customer_key
        and weekday_use.weekday_rank = 1
        and weekday_use.contact_count >= {{ var('usual_least_contacts') }}
left join forecasts as expected on customers.customer_key = expected.customer_key
{{ join_profiling_gate('customers.customer_key') }}
left join {{ ref('context_freshness') }} as freshness on freshness.context = 'relationship'
