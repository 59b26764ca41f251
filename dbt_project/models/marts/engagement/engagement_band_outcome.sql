-- The points as of `outcome_days` before the as of, compared with the purchases since then.
with moments as (
    select {{ dbt.dateadd('day', -var('engagement_learning').outcome_days, as_of()) }} as judged_at
),

customers as (
    select customers.customer_key
    from {{ ref('dim_customer') }} as customers
    {{ join_profiling_gate('customers.customer_key') }}
    where
        customers.customer_key > 0
        and customers.first_known_at < (select judged_at from moments)
        and {{ may_be_profiled() }}
),

points as (
    select
        facts.customer_key,
        sum({{ decayed('facts.engagement_points', dbt.datediff('facts.happened_at', 'moments.judged_at', 'day')) }})
            as points_then
    from {{ ref('fct_interaction') }} as facts
    inner join moments on facts.happened_at < moments.judged_at
    where facts.customer_key > 0 and facts.engagement_points > 0
    group by facts.customer_key
),

purchases as (
    select
        payments.customer_key,
        sum(payments.reporting_net_amount) as bought_amount
    from ({{ customer_payments() }}) as payments
    inner join moments on payments.paid_at >= moments.judged_at
    where payments.is_purchase
    group by payments.customer_key
),

banded as (
    select
        customers.customer_key,
        max(bands.band_rank) as band_rank
    from customers
    left join points on customers.customer_key = points.customer_key
    inner join {{ ref('engagement_bands') }} as bands on coalesce(points.points_then, 0) >= bands.least_points
    group by customers.customer_key
)

select
    bands.band as engagement_band,
    cast(bands.band_rank as int) as band_rank,
    cast(bands.least_points as double) as least_points,
    count(banded.customer_key) as customer_count,
    count(purchases.customer_key) as buyer_count,
    cast(count(purchases.customer_key) as double) / nullif(count(banded.customer_key), 0) as purchase_rate,
    cast(coalesce(sum(purchases.bought_amount), 0) as decimal(18, 6)) as bought_amount
from {{ ref('engagement_bands') }} as bands
left join banded on bands.band_rank = banded.band_rank
left join purchases on banded.customer_key = purchases.customer_key
group by bands.band, bands.band_rank, bands.least_points
