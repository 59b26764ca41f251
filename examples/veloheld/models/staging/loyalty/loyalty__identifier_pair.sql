{{ config(enabled=context360.adapter_is_on()) }}

select
    'points booked' as evidence,
    'order_id' as identifier_kind,
    coalesce(order_no, receipt_no) as identifier_value,
    'loyalty_number' as other_identifier_kind,
    loyalty_number as other_identifier_value,
    min(booked_at) as first_seen_at,
    max(booked_at) as last_seen_at,
    count(*) as sighting_count
from {{ ref('stg_loyalty__transactions') }}
where coalesce(order_no, receipt_no) is not null
group by coalesce(order_no, receipt_no), loyalty_number
