{{ config(enabled=context360.adapter_is_on()) }}

select
    stay_id as booking_id,
    'hotel_stay' as touchpoint,
    'hotel_guest_id' as identifier_kind,
    hotel_guest_id as identifier_value,
    case booking_type when 'online' then 'web' when 'phone call' then 'call' end as booking_channel,
    room_type as booked_item,
    travel_category as booking_purpose,
    checked_in_at as started_at,
    checked_out_at as ended_at,
    number_of_nights,
    spent_amount as net_amount,
    'USD' as currency
from {{ ref('stg_hotel__stays') }}
