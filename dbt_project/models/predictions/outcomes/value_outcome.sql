-- Forecasts whose time has passed, and how often each customer bought within it: days with a purchase, as they are
-- counted where the forecast was learned. Of each month and version the first one is judged, of
-- customers who may still be profiled.
with due as (
    select
        *,
        {{ dbt.dateadd('day', 'horizon_days', 'as_of') }} as known_at,
        dense_rank() over (
            partition by origin, model_version, horizon_days, {{ dbt.date_trunc('month', 'as_of') }} order by as_of
        ) as scoring
    from {{ source('predictions', 'value_log') }}
    where {{ dbt.dateadd('day', 'horizon_days', 'as_of') }} <= {{ as_of() }}
),

judged as (
    select
        due.*,
        coalesce(numbers.customer_key, due.customer_key) as present_customer_key
    from due
    left join {{ ref('bridge_customer_number') }} as numbers on due.customer_key = numbers.customer_number
    {{ join_profiling_gate('coalesce(numbers.customer_key, due.customer_key)') }}
    where due.scoring = 1 and {{ may_be_profiled() }}
),

purchase_days as (
    select
        customer_id,
        cast(purchased_at as date) as purchase_day
    from {{ ref('customer_purchase') }}
    group by customer_id, cast(purchased_at as date)
    having sum(coalesce(amount, 0)) >= 0
),

made as (
    select
        judged.origin,
        judged.model_version,
        judged.horizon_days,
        judged.as_of,
        judged.customer_key,
        count(*) as made_purchases
    from judged
    inner join purchase_days
        on
            judged.present_customer_key = purchase_days.customer_id
            and cast(judged.as_of as date) < purchase_days.purchase_day
            and cast(judged.known_at as date) >= purchase_days.purchase_day
    group by judged.origin, judged.model_version, judged.horizon_days, judged.as_of, judged.customer_key
)

select
    judged.origin,
    judged.model_version,
    judged.basis,
    judged.horizon_days,
    judged.as_of,
    judged.customer_key,
    cast(judged.expected_purchases as double) as expected_purchases,
    cast(coalesce(made.made_purchases, 0) as double) as made_purchases
from judged
left join made
    on
        judged.origin = made.origin
        and judged.model_version is not distinct from made.model_version
        and judged.horizon_days = made.horizon_days
        and judged.as_of = made.as_of
        and judged.customer_key = made.customer_key
