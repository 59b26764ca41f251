-- What a forecast of purchases is made of: one row per purchase and product line, with its amount in the reporting
-- currency less what was returned of it, never below 0. A return lowers its own line of the order that it names, and
-- what is left of it all lines of the order alike; one that names no known order lowers the purchase before it. An
-- amount without an exchange rate is 0: the purchase counts. Customers who may not be profiled are left out.
with payments as (
    select paid.*
    from ({{ customer_payments() }}) as paid
    {{ join_profiling_gate('paid.customer_key') }}
    where {{ may_be_profiled() }}
),

described as (
    select
        payments.*,
        coalesce(products.product_line, 'unknown') as product_line
    from payments
    left join {{ ref('dim_product') }} as products on payments.product_key = products.product_key
),

purchases as (
    select
        interaction_key,
        customer_key,
        min(paid_at) as purchased_at
    from payments
    where is_purchase
    group by interaction_key, customer_key
),

bought as (
    select
        interaction_key,
        customer_key,
        product_line,
        coalesce(sum(reporting_net_amount), 0) as amount
    from described
    where is_purchase
    group by interaction_key, customer_key, product_line
),

returns as (
    select
        described.payment_key,
        described.customer_key,
        described.product_line,
        described.paid_at,
        described.reporting_net_amount as amount,
        named.interaction_key
    from described
    left join purchases as named
        on
            described.returned_interaction_key = named.interaction_key
            and described.customer_key = named.customer_key
    where not described.is_purchase
),

returned as (
    select
        interaction_key,
        customer_key,
        product_line,
        amount
    from returns
    where interaction_key is not null

    union all

    select
        cast({{ last_by(
            'cast(purchases.interaction_key as ' ~ dbt.type_string() ~ ')', 'purchases.purchased_at'
        ) }} as bigint) as interaction_key,
        returns.customer_key,
        max(returns.product_line) as product_line,
        max(returns.amount) as amount
    from returns
    inner join purchases
        on returns.customer_key = purchases.customer_key and returns.paid_at >= purchases.purchased_at
    where returns.interaction_key is null
    group by returns.payment_key, returns.customer_key
),

lowered as (
    select
        interaction_key,
        customer_key,
        product_line,
        sum(amount) as amount
    from returned
    group by interaction_key, customer_key, product_line
),

lowered_in_all as (
    select
        interaction_key,
        customer_key,
        sum(amount) as amount
    from lowered
    group by interaction_key, customer_key
),

kept as (
    select
        bought.interaction_key,
        bought.customer_key,
        bought.product_line,
        bought.amount,
        greatest(bought.amount + coalesce(lowered.amount, 0), 0) as kept_amount
    from bought
    left join lowered
        on
            bought.interaction_key = lowered.interaction_key
            and bought.customer_key = lowered.customer_key
            and bought.product_line = lowered.product_line
),

totals as (
    select
        kept.interaction_key,
        kept.customer_key,
        sum(kept.kept_amount) as kept_amount,
        greatest(sum(kept.amount) + coalesce(max(lowered_in_all.amount), 0), 0) as amount
    from kept
    left join lowered_in_all
        on kept.interaction_key = lowered_in_all.interaction_key and kept.customer_key = lowered_in_all.customer_key
    group by kept.interaction_key, kept.customer_key
)

select
    kept.customer_key as customer_id,
    purchases.purchased_at,
    kept.product_line,
    cast(
        case
            when totals.kept_amount > totals.amount then kept.kept_amount * totals.amount / totals.kept_amount
            else kept.kept_amount
        end as decimal(18, 6)
    ) as amount,
    reporting.currency
from kept
inner join purchases
    on kept.interaction_key = purchases.interaction_key and kept.customer_key = purchases.customer_key
inner join totals on kept.interaction_key = totals.interaction_key and kept.customer_key = totals.customer_key
left join {{ ref('dim_currency') }} as reporting on reporting.is_reporting
