with transactions as (
    select * from {{ ref('int_loyalty_transaction') }}
)

select
    {{ integer_key(['transactions.source_system', 'transactions.transaction_id']) }} as loyalty_transaction_key,
    {{ customer_key_or_unknown() }} as customer_key,
    {{ order_interaction_key() }} as order_interaction_key,
    {{ date_key('transactions.booked_at') }} as booked_date_key,
    transactions.booked_at,
    transactions.transaction_kind,
    transactions.points,
    transactions.source_system,
    transactions.transaction_id as source_transaction_id
from transactions
{{ join_customer('transactions') }}
{{ join_order('transactions') }}
