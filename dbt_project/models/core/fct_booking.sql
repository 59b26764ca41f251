with bookings as (
    select * from {{ ref('int_booking') }}
)

select
    {{ integer_key(['bookings.source_system', 'bookings.booking_id']) }} as booking_key,
    {{ integer_key(['bookings.source_system', 'bookings.booking_id']) }} as interaction_key,
    {{ customer_key_or_unknown() }} as customer_key,
    coalesce(touchpoints.touchpoint_key, -1) as touchpoint_key,
    coalesce(channels.channel_key, -1) as booking_channel_key,
    {{ date_key('bookings.started_at') }} as started_date_key,
    bookings.started_at,
    bookings.ended_at,
    bookings.booked_item,
    bookings.booking_purpose,
    bookings.number_of_nights,
    bookings.net_amount,
    bookings.currency,
    rates.rate as reporting_rate,
    {{ in_reporting_currency('bookings.net_amount', 'rates.rate') }} as reporting_net_amount,
    bookings.source_system,
    bookings.booking_id as source_booking_id
from bookings
{{ join_exchange_rate('bookings', 'started_at') }}
{{ join_customer('bookings') }}
left join {{ ref('touchpoints') }} as touchpoints on bookings.touchpoint = touchpoints.touchpoint
left join {{ ref('channels') }} as channels on bookings.booking_channel = channels.channel
