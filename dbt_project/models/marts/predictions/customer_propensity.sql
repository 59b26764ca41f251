{%- set from_this_horizon_on = 'range between current row and unbounded following' -%}
-- Models are trained one by one; here their probabilities are made to agree. Buying of one line is never more likely
-- than buying anything, and buying sooner never more likely than later: the model with more outcomes to learn from
-- bounds the other. The channels of a line add up to one. Base rates do not change.
with scores as (
    select
        *,
        target = 'buy' and basis = 'model' as is_bounded
    from {{ source('predictions', 'propensity_score') }}
),

bounds as (
    select
        *,
        min(case when is_bounded and product_line = 'any' then probability end) over (
            partition by customer_key order by horizon_days {{ from_this_horizon_on }}
        ) as any_line_bound,
        min(case when is_bounded then probability end) over (
            partition by customer_key, product_line order by horizon_days {{ from_this_horizon_on }}
        ) as line_bound,
        -- Decimals add up alike in every order; doubles do not, and the same input must give the same table.
        cast(sum(cast(probability as decimal(28, 18))) over (
            partition by customer_key, target, product_line, horizon_days
        ) as double) as channels_total
    from scores
),

consistent as (
    select
        *,
        case
            when target = 'channel' then probability / channels_total
            when is_bounded then least(probability, coalesce(any_line_bound, probability), line_bound)
            else probability
        end as consistent_probability
    from bounds
)

select
    customer_key,
    target,
    product_line,
    channel,
    horizon_days,
    consistent_probability as probability,
    base_rate,
    consistent_probability / nullif(base_rate, 0) as lift,
    basis,
    model_name,
    model_version,
    trained_as_of
from consistent
