{%- set settings = var('action_judging') -%}
-- The first night of each customer and kind counts, and after each the first one that counts again (see action_night).
-- Which night counts never depends on what was drawn, so inverse propensity weighting holds.
with recursive decided as (
    select
        customer_key,
        kind,
        min(as_of) as as_of
    from {{ ref('action_night') }}
    group by customer_key, kind
    union all
    select
        decided.customer_key,
        decided.kind,
        nights.next_as_of
    from decided
    inner join {{ ref('action_night') }} as nights
        on
            decided.customer_key = nights.customer_key
            and decided.kind = nights.kind
            and decided.as_of = nights.as_of
    where nights.next_as_of is not null
),

decisions as (
    select nights.*
    from {{ ref('action_night') }} as nights
    inner join decided
        on
            nights.customer_key = decided.customer_key
            and nights.kind = decided.kind
            and nights.as_of = decided.as_of
    where {{ dbt.dateadd('day', settings['outcome_days'], 'nights.as_of') }} <= {{ as_of() }}
),

purchases as (
    select
        lines.customer_key,
        lines.product_line,
        lines.happened_at as bought_at,
        lines.purchase_amount as amount
    from {{ ref('bridge_interaction_product_line') }} as lines
    where lines.purchase_amount is not null and lines.customer_key > 0 and lines.happened_at < {{ as_of() }}

    union all

    select
        customer_key,
        cast(null as {{ dbt.type_string() }}) as product_line,
        started_at as bought_at,
        reporting_net_amount as amount
    from {{ ref('fct_booking') }}
    where customer_key > 0 and started_at < {{ as_of() }}
),

-- An inner join first: an outer join on these conditions compares every decision with every purchase.
outcomes as (
    select
        decisions.customer_key,
        decisions.kind,
        decisions.as_of,
        sum(purchases.amount) as reward_amount
    from decisions
    inner join purchases on decisions.customer_key = purchases.customer_key
    where
        purchases.bought_at >= decisions.as_of
        and purchases.bought_at < {{ dbt.dateadd('day', settings['outcome_days'], 'decisions.as_of') }}
        and (decisions.item is null or decisions.item = purchases.product_line)
    group by decisions.customer_key, decisions.kind, decisions.as_of
)

select
    decisions.customer_key,
    decisions.kind,
    decisions.as_of,
    cast(coalesce(outcomes.reward_amount, 0) as double) as reward_amount,
    reporting.currency,
    decisions.proposal_probability,
    decisions.is_greedy,
    decisions.choice_count
from decisions
left join {{ ref('dim_currency') }} as reporting on reporting.is_reporting
left join outcomes
    on
        decisions.customer_key = outcomes.customer_key
        and decisions.kind = outcomes.kind
        and decisions.as_of = outcomes.as_of
