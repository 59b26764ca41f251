{%- set settings = var('prediction') -%}
with forecasts as (
    select
        *,
        avg(made_purchases) over (partition by origin, model_version, basis, horizon_days, as_of) as mean_made
    from {{ ref('value_outcome') }}
),

measured as (
    select
        origin,
        model_version,
        basis,
        as_of,
        horizon_days,
        count(*) as customer_count,
        sum(expected_purchases) as expected_purchases,
        sum(made_purchases) as made_purchases,
        case
            when min(expected_purchases) < max(expected_purchases) and min(made_purchases) < max(made_purchases)
                then corr(expected_purchases, made_purchases)
        end as correlation,
        avg(abs(expected_purchases - made_purchases)) as mean_absolute_error,
        avg(abs(mean_made - made_purchases)) as base_mean_absolute_error,
        -- Purchases of one customer come in clusters: use the spread of the errors, not that of a Poisson distribution.
        sqrt(sum(power(made_purchases - expected_purchases, 2))) as error_of_sum
    from forecasts
    group by origin, model_version, basis, as_of, horizon_days
),

judged as (
    select
        *,
        case
            when
                abs(made_purchases - expected_purchases) > {{ settings['off_by_errors'] }} * error_of_sum
                and abs(made_purchases - expected_purchases) > {{ settings['off_by_share'] }} * expected_purchases
                then
                    'customers bought '
                    || case when made_purchases > expected_purchases then 'more' else 'less' end
                    || ' often than predicted'
        end as worse_reason
    from measured
)

select
    origin,
    model_version,
    basis,
    as_of,
    horizon_days,
    customer_count,
    {{ steady('expected_purchases') }} as expected_purchases,
    made_purchases,
    {{ steady('correlation') }} as correlation,
    {{ steady('mean_absolute_error') }} as mean_absolute_error,
    {{ steady('base_mean_absolute_error') }} as base_mean_absolute_error,
    worse_reason is not null as is_worse,
    worse_reason
from judged
