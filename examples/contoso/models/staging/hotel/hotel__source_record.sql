{{ config(enabled=context360.adapter_is_on()) }}

-- The hotel delivers stays only: a guest is known by a number, and by nothing else.
select
    hotel_guest_id as source_record_id,
    min(checked_in_at) as recorded_at
from {{ ref('stg_hotel__stays') }}
group by hotel_guest_id
