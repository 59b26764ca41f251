-- Points and purchases of the days from each moment on, and whether the customer had bought in as many days before.
-- What was bought before the moment, also on its day, was not bought after it.
{%- set outcome_seconds = var('content_outcome_days') * 86400 %}
{%- set fact_second = dbt.datediff("cast('2000-01-01' as timestamp)", 'facts.happened_at', 'second') %}
{%- set purchase_second = dbt.datediff("cast('2000-01-01' as timestamp)", 'bridge.happened_at', 'second') %}
with readers as (
    select distinct customer_key
    from {{ ref('int_content_touch') }}
    where customer_key > 0
),

earned as (
    select
        facts.customer_key,
        cast({{ fact_second }} as bigint) as second_number,
        sum(facts.engagement_points) as points,
        0 as purchase_count,
        cast(0 as decimal(18, 6)) as purchase_amount
    from {{ ref('fct_interaction') }} as facts
    inner join readers on facts.customer_key = readers.customer_key
    where facts.happened_at < {{ as_of() }}
    group by facts.customer_key, {{ fact_second }}
),

bought as (
    select
        bridge.customer_key,
        cast({{ purchase_second }} as bigint) as second_number,
        0 as points,
        count(distinct bridge.interaction_key) as purchase_count,
        sum(bridge.purchase_amount) as purchase_amount
    from {{ ref('bridge_interaction_product_line') }} as bridge
    inner join readers on bridge.customer_key = readers.customer_key
    where bridge.purchase_amount is not null and bridge.happened_at < {{ as_of() }}
    group by bridge.customer_key, {{ purchase_second }}
),

moments as (
    select
        customer_key,
        second_number,
        sum(points) as points,
        sum(purchase_count) as purchase_count,
        sum(purchase_amount) as purchase_amount
    from (
        select * from earned

        union all

        select * from bought
    ) as earned_or_bought
    group by customer_key, second_number
)

select
    customer_key,
    second_number,
    sum(points) over ahead as points_after,
    sum(purchase_count) over ahead as purchases_after,
    sum(purchase_amount) over ahead as amount_after,
    coalesce(sum(purchase_count) over (
        partition by customer_key order by second_number range between {{ outcome_seconds }} preceding and 1 preceding
    ), 0) > 0 as has_bought_lately
from moments
window ahead as (
    partition by customer_key order by second_number range between current row and {{ outcome_seconds - 1 }} following
)
