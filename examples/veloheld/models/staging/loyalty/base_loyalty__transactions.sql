{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('loyalty', 'transactions') }}
),

renamed as (
    select
        {{ context360.clean_text('transaction_id') }} as transaction_id,
        {{ context360.clean_text('card_no') }} as loyalty_number,
        {{ context360.clean_text('booked_at') }} as raw_booked_at,
        {{ context360.timestamp_from_utc_text('booked_at') }} as booked_at,
        lower({{ context360.clean_text('kind') }}) as kind,
        {{ context360.clean_text('points') }} as raw_points,
        {{ context360.number_from_text('points', 'bigint') }} as points,
        {{ context360.clean_text('receipt_no') }} as receipt_no,
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['transaction_id'],
    moment='booked_at',
    parsed=['booked_at', 'points'],
    required=['loyalty_number', 'booked_at', 'points'],
    rules=[{
        'name': 'earned_points_are_negative',
        'when': "kind = 'earn' and points < 0",
        'reason': 'points are negative although they were earned',
    }]
) }}
