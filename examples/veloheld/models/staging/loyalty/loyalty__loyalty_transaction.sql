{{ config(enabled=context360.adapter_is_on()) }}

select
    transaction_id,
    'loyalty_number' as identifier_kind,
    loyalty_number as identifier_value,
    kind as transaction_kind,
    points,
    coalesce(order_no, receipt_no) as order_id,
    booked_at
from {{ ref('stg_loyalty__transactions') }}
