{%- set horizon = var('action_horizon_days') -%}
-- Product lines that may be proposed: those that a customer looks at often, and those that a model sees them buy.
with customers as (
    select
        customer_key,
        product_lines,
        value_basis
    from {{ ref('int_action_customer') }}
),

-- Lines that they look at often and have never bought.
looked_at as (
    select
        preferences.customer_key,
        preferences.item as product_line,
        preferences.exchange_count
    from {{ ref('customer_preference') }} as preferences
    inner join customers on preferences.customer_key = customers.customer_key
    where
        preferences.preference_kind = 'product_line'
        and preferences.affinity_rank = 1
        and preferences.exchange_count >= {{ var('action_least_looks') }}
        and preferences.affinity >= {{ var('action_least_affinity') }}
        and ', ' || coalesce(customers.product_lines, '') || ',' not like '%, ' || preferences.item || ',%'
),

purchases as (
    select
        product_line,
        customer_key,
        happened_at,
        purchase_amount
    from {{ ref('bridge_interaction_product_line') }}
    where purchase_amount is not null and happened_at < {{ as_of() }}
),

owned as (
    select
        customer_key,
        product_line,
        count(*) as purchase_count,
        max(happened_at) as last_bought_at
    from purchases
    where customer_key > 0
    group by customer_key, product_line
),

-- Lines that buyers buy again and again.
repeated as (
    select product_line
    from owned
    group by product_line
    having avg(case when purchase_count > 1 then 1.0 else 0.0 end) >= {{ var('action_repeat_share') }}
),

-- Average amount of a purchase of each line.
worths as (
    select
        purchases.product_line,
        cast(sum(purchases.purchase_amount) as double) / count(*) as average_amount
    from purchases
    group by purchases.product_line
),

predicted_lines as (
    select
        propensities.customer_key,
        propensities.product_line,
        propensities.probability,
        propensities.lift,
        cast(round(propensities.probability * worths.average_amount, 2) as decimal(18, 2)) as expected_value_amount,
        reporting.currency,
        propensities.lift >= {{ var('action_least_lift') }}
        and (
            owned.last_bought_at is null
            or owned.last_bought_at < {{ dbt.dateadd('day', -var('action_lately_days'), as_of()) }}
            or repeated.product_line is not null
        ) as is_likely
    from {{ ref('customer_propensity') }} as propensities
    inner join customers on propensities.customer_key = customers.customer_key
    left join {{ ref('dim_currency') }} as reporting on reporting.is_reporting
    left join worths on propensities.product_line = worths.product_line
    left join owned
        on propensities.customer_key = owned.customer_key and propensities.product_line = owned.product_line
    left join repeated on propensities.product_line = repeated.product_line
    where
        propensities.target = 'buy'
        and propensities.horizon_days = {{ horizon }}
        and propensities.basis = 'model'
        and propensities.product_line <> 'any'
        -- Where two models contradict each other about a purchase, neither is a reason.
        and coalesce(customers.value_basis, '') <> 'models disagree'
)

select
    coalesce(looked_at.customer_key, predicted.customer_key) as customer_key,
    coalesce(looked_at.product_line, predicted.product_line) as product_line,
    looked_at.exchange_count,
    predicted.probability,
    predicted.expected_value_amount,
    case when predicted.expected_value_amount is not null then predicted.currency end as currency,
    -- How many times as likely as others, where that alone is a reason to propose it.
    case when predicted.is_likely then round(predicted.lift) end as times_as_likely
from looked_at
full outer join predicted_lines as predicted
    on looked_at.customer_key = predicted.customer_key and looked_at.product_line = predicted.product_line
where looked_at.customer_key is not null or predicted.is_likely
