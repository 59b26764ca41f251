{%- set settings = var('prediction') -%}
{%- set no_text = 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
-- How often each outcome came about over the newest moments: what is said where no model says more.
with numbered as (
    select
        moment,
        is_for_90d,
        row_number() over (order by moment desc) as place,
        row_number() over (partition by is_for_90d order by moment desc) as place_90d
    from {{ ref('prediction_moment') }}
),

moments as (
    select
        moment,
        30 as horizon_days
    from numbered
    where place <= {{ settings['base_rate_days'] // 30 }}

    union all

    select
        moment,
        90 as horizon_days
    from numbered
    where is_for_90d and place_90d <= {{ settings['base_rate_days'] // 90 }}
),

customers as (
    select
        moment,
        count(*) as customer_count
    from ({{ known_customers(ref('prediction_moment')) }}) as known
    group by moment
),

examples as (
    select
        moments.horizon_days,
        sum(customers.customer_count) as example_count
    from moments
    inner join customers on moments.moment = customers.moment
    group by moments.horizon_days
),

purchases as (
    select
        purchases.*,
        moments.horizon_days
    from {{ ref('prediction_purchase') }} as purchases
    inner join moments on purchases.moment = moments.moment
    where moments.horizon_days = 90 or purchases.is_within_30d
),

bought as (
    select
        product_line,
        horizon_days,
        count(*) as positive_count
    from purchases
    group by product_line, horizon_days
),

product_lines as (
    select product_line
    from {{ ref('dim_product') }}
    where product_line is not null and product_line <> 'unknown' and first_sold_at < {{ as_of() }}
    group by product_line

    union all

    select product_line
    from {{ ref('prediction_purchase') }}
    where product_line = 'any'
    group by product_line
),

bought_in as (
    select
        product_line,
        channel,
        count(*) as positive_count
    from purchases
    where horizon_days = 90
    group by product_line, channel
),

rates as (
    select
        'buy' as target,
        product_lines.product_line,
        {{ no_text }} as channel,
        examples.horizon_days,
        examples.example_count,
        coalesce(bought.positive_count, 0) as positive_count
    from product_lines
    cross join examples
    left join bought
        on product_lines.product_line = bought.product_line and examples.horizon_days = bought.horizon_days

    union all

    select
        'respond' as target,
        {{ no_text }} as product_line,
        responses.channel,
        30 as horizon_days,
        count(*) as example_count,
        count(case when responses.has_responded then 1 end) as positive_count
    from {{ ref('prediction_response') }} as responses
    inner join moments on responses.moment = moments.moment and moments.horizon_days = 30
    group by responses.channel

    union all

    select
        'channel' as target,
        bought_in.product_line,
        bought_in.channel,
        90 as horizon_days,
        bought.positive_count as example_count,
        bought_in.positive_count
    from bought_in
    inner join bought on bought_in.product_line = bought.product_line and bought.horizon_days = 90
)

select
    target,
    product_line,
    channel,
    cast(horizon_days as int) as horizon_days,
    cast(example_count as bigint) as example_count,
    cast(positive_count as bigint) as positive_count,
    cast(positive_count as double) / example_count as base_rate
from rates
where example_count > 0
