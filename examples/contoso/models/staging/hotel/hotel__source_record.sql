{{ config(enabled=context360.adapter_is_on()) }}

-- The hotel delivers stays only: the guest's number is the only identifier.
select
    hotel_guest_id as source_record_id,
    min(checked_in_at) as recorded_at
from {{ ref('stg_hotel__stays') }}
group by hotel_guest_id
