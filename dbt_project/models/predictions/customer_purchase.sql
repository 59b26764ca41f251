-- What a forecast of purchases is made of: one row per purchase, with its amount in the reporting currency less what
-- was returned of it, never below 0. A return that names no known order lowers the purchase before it. An amount
-- without an exchange rate is 0: the purchase counts.
with payments as (
    {{ customer_payments() }}
),

purchases as (
    select
        interaction_key,
        customer_key,
        min(paid_at) as purchased_at,
        sum(reporting_net_amount) as amount
    from payments
    where is_purchase
    group by interaction_key, customer_key
),

returns as (
    select
        payments.payment_key,
        payments.customer_key,
        payments.paid_at,
        payments.reporting_net_amount as amount,
        named.interaction_key
    from payments
    left join purchases as named
        on
            payments.returned_interaction_key = named.interaction_key
            and payments.customer_key = named.customer_key
    where not payments.is_purchase
),

returned as (
    select
        interaction_key,
        customer_key,
        amount
    from returns
    where interaction_key is not null

    union all

    select
        cast({{ last_by(
            'cast(purchases.interaction_key as ' ~ dbt.type_string() ~ ')', 'purchases.purchased_at'
        ) }} as bigint) as interaction_key,
        returns.customer_key,
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
        sum(amount) as amount
    from returned
    group by interaction_key, customer_key
)

select
    purchases.customer_key as customer_id,
    purchases.purchased_at,
    greatest(coalesce(purchases.amount, 0) + coalesce(lowered.amount, 0), 0) as amount,
    reporting.currency
from purchases
left join lowered
    on purchases.interaction_key = lowered.interaction_key and purchases.customer_key = lowered.customer_key
left join {{ ref('dim_currency') }} as reporting on reporting.is_reporting
