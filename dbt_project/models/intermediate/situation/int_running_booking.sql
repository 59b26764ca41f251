-- Bookings that have begun and not ended at the as of, one row per customer.
select
    customer_key,
    max(ended_at) as ends_at,
    max(booked_item) as booked_item
from {{ ref('fct_booking') }}
where started_at <= {{ as_of() }} and ended_at > {{ as_of() }} and customer_key > 0
group by customer_key
