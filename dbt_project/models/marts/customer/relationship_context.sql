with customers as (
    select customer_key, first_known_at, loyalty_tier, loyalty_points
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

-- Everything that the customer paid for, whatever the fact it stands in.
payments as (
    select customer_key, ordered_at as paid_at, net_amount, currency, interaction_key, product_key
    from {{ ref('fct_order_line') }}
    where ordered_at < {{ as_of() }}

    union all

    select customer_key, started_at as paid_at, net_amount, currency, interaction_key, -2 as product_key
    from {{ ref('fct_booking') }}
    where started_at < {{ as_of() }}
),

purchases as (
    select
        customer_key,
        min(paid_at) as first_purchase_at,
        max(paid_at) as last_purchase_at,
        cast(count(distinct interaction_key) as int) as purchase_count,
        cast(count(distinct case when paid_at >= {{ dbt.dateadd('year', -1, as_of()) }} then interaction_key end) as int)
            as purchase_count_12m,
        cast(sum(net_amount) as decimal(18, 2)) as current_value_amount,
        cast(
            coalesce(sum(case when paid_at >= {{ dbt.dateadd('year', -1, as_of()) }} then net_amount end), 0)
            as decimal(18, 2)
        ) as value_12m_amount,
        cast(count(distinct case when product_key > 0 then product_key end) as int) as product_count,
        case when count(distinct currency) = 1 then min(currency) end as currency
    from payments
    group by customer_key
),

-- Quintiles among the customers who bought; 5 is best. Equal customers have equal scores.
scored as (
    select
        customer_key,
        {{ quintile('last_purchase_at') }} as recency_score,
        {{ quintile('purchase_count') }} as frequency_score,
        {{ quintile('current_value_amount') }} as monetary_score
    from purchases
),

interactions as (
    select customer_key, channel_key, happened_date_key, happened_at, direction
    from {{ ref('fct_interaction') }}
    where happened_at < {{ as_of() }} and customer_key > 0
),

activity as (
    select customer_key, cast(count(*) as int) as interaction_count, max(happened_at) as last_interaction_at
    from interactions
    group by customer_key
),

-- How customers deal with us shows in what they begin, not in what we send them.
channel_use as (
    select
        interactions.customer_key,
        channels.channel,
        row_number() over (
            partition by interactions.customer_key
            order by count(*) desc, max(interactions.happened_at) desc, channels.channel
        ) as channel_rank
    from interactions
    inner join {{ ref('dim_channel') }} as channels on interactions.channel_key = channels.channel_key
    where interactions.direction = 'inbound'
    group by interactions.customer_key, channels.channel
),

weekday_use as (
    select
        interactions.customer_key,
        dates.iso_weekday,
        row_number() over (
            partition by interactions.customer_key
            order by count(*) desc, max(interactions.happened_at) desc, dates.iso_weekday
        ) as weekday_rank
    from interactions
    inner join {{ ref('dim_date') }} as dates on interactions.happened_date_key = dates.date_key
    where interactions.direction = 'inbound'
    group by interactions.customer_key, dates.iso_weekday
)

select
    customers.customer_key,
    customers.first_known_at,
    cast({{ dbt.datediff('customers.first_known_at', as_of(), 'day') }} as bigint) as tenure_days,
    purchases.first_purchase_at,
    purchases.last_purchase_at,
    cast({{ dbt.datediff('purchases.last_purchase_at', as_of(), 'day') }} as bigint) as recency_days,
    coalesce(purchases.purchase_count, 0) as purchase_count,
    coalesce(purchases.purchase_count_12m, 0) as purchase_count_12m,
    coalesce(purchases.current_value_amount, 0) as current_value_amount,
    coalesce(purchases.value_12m_amount, 0) as value_12m_amount,
    cast(purchases.current_value_amount / nullif(purchases.purchase_count, 0) as decimal(18, 2))
        as average_purchase_amount,
    purchases.currency,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score,
    coalesce(purchases.product_count, 0) as product_count,
    coalesce(activity.interaction_count, 0) as interaction_count,
    activity.last_interaction_at,
    channel_use.channel as usual_channel,
    weekday_use.iso_weekday as usual_weekday,
    customers.loyalty_tier,
    customers.loyalty_points,
    freshness.fresh_until,
    coalesce(freshness.is_stale, false) as is_stale
from customers
left join purchases on customers.customer_key = purchases.customer_key
left join scored on customers.customer_key = scored.customer_key
left join activity on customers.customer_key = activity.customer_key
left join channel_use on customers.customer_key = channel_use.customer_key and channel_use.channel_rank = 1
left join weekday_use on customers.customer_key = weekday_use.customer_key and weekday_use.weekday_rank = 1
left join {{ ref('context_freshness') }} as freshness on freshness.context = 'relationship'
