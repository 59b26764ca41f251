{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('hotel', 'stays') }}
),

renamed as (
    select
        {{ context360.clean_text('stay_id') }} as stay_id,
        {{ context360.clean_text('hotel_customer_id') }} as hotel_guest_id,
        {{ context360.clean_text('check_in_date') }} as raw_checked_in_at,
        {{ context360.timestamp_from_us_text('check_in_date') }} as checked_in_at,
        {{ context360.clean_text('check_out_date') }} as raw_checked_out_at,
        {{ context360.timestamp_from_us_text('check_out_date') }} as checked_out_at,
        lower({{ context360.clean_text('room_type') }}) as room_type,
        {{ context360.clean_text('dollars_spent') }} as raw_spent_amount,
        {{ context360.money_from_text('dollars_spent') }} as spent_amount,
        lower({{ context360.clean_text('booking_type') }}) as booking_type,
        lower({{ context360.clean_text('travel_category') }}) as travel_category,
        {{ context360.clean_text('number_of_nights') }} as raw_number_of_nights,
        {{ context360.number_from_text('number_of_nights', 'integer') }} as number_of_nights,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['stay_id'],
    parsed=['checked_in_at', 'checked_out_at', 'spent_amount', 'number_of_nights'],
    required=['hotel_guest_id', 'checked_in_at', 'checked_out_at', 'spent_amount'],
    rules=[{
        'name': 'check_out_before_check_in',
        'when': 'checked_out_at < checked_in_at',
        'reason': 'the guest left before arriving',
    }]
) }}
