{%- set from_this_horizon_on = 'range between current row and unbounded following' -%}
-- Models are trained one by one; here their probabilities are made to agree. Buying of one line is never more likely
-- than buying anything, and buying sooner never more likely than later: the model with more outcomes to learn from
-- bounds the other. The channels of a line add up to one. Base rates do not change. Customers who may not be profiled
-- are not scored: they have a row per target without a probability.
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
),

targets as (
    select
        target,
        product_line,
        channel,
        horizon_days,
        model_name,
        max(base_rate) as base_rate
    from scores
    group by target, product_line, channel, horizon_days, model_name
),

gated as (
    select
        gate.customer_key,
        targets.*
    from {{ ref('dim_customer_profiling') }} as gate
    cross join targets
    where gate.customer_key > 0 and not ({{ may_be_profiled() }})
)

select
    consistent.customer_key,
    consistent.target,
    consistent.product_line,
    consistent.channel,
    consistent.horizon_days,
    {{ profiled('consistent.consistent_probability') }} as probability,
    consistent.base_rate,
    {{ profiled('consistent.consistent_probability / nullif(consistent.base_rate, 0)') }} as lift,
    {{ profiled('consistent.basis') }} as basis,
    consistent.model_name,
    consistent.model_version,
    consistent.trained_as_of,
    {{ no_profile_reason() }} as no_profile_reason
from consistent
{{ join_profiling_gate('consistent.customer_key') }}
where {{ may_be_profiled() }}

union all

select
    customer_key,
    target,
    product_line,
    channel,
    horizon_days,
    cast(null as double) as probability,
    base_rate,
    cast(null as double) as lift,
    cast(null as {{ dbt.type_string() }}) as basis,
    model_name,
    cast(null as int) as model_version,
    cast(null as timestamp) as trained_as_of,
    {{ no_consent_to_profiling() }} as no_profile_reason
from gated
