-- What a forecast of purchases is made of. A customer has one currency, that of most of their purchases: what they paid
-- in another one counts as a purchase, its amount does not.
with payments as (
    {{ customer_payments() }}
),

currencies as (
    select
        customer_key,
        currency,
        row_number() over (partition by customer_key order by count(*) desc, currency asc) as place
    from payments
    where currency is not null
    group by customer_key, currency
)

select
    payments.customer_key as customer_id,
    payments.paid_at as purchased_at,
    case when payments.currency = currencies.currency then payments.net_amount else 0 end as amount,
    currencies.currency
from payments
left join currencies on payments.customer_key = currencies.customer_key and currencies.place = 1
