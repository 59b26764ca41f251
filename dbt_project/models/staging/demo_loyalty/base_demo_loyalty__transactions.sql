{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_loyalty', 'transactions') }}
),

renamed as (
    select
        {{ clean_text('transaction_id') }} as transaction_id,
        {{ clean_text('card_no') }} as loyalty_number,
        {{ clean_text('booked_at') }} as raw_booked_at,
        {{ timestamp_from_utc_text('booked_at') }} as booked_at,
        lower({{ clean_text('kind') }}) as kind,
        {{ clean_text('points') }} as raw_points,
        {{ number_from_text('points', 'bigint') }} as points,
        {{ clean_text('receipt_no') }} as receipt_no,
        {{ clean_text('order_no') }} as order_no,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['transaction_id'],
    parsed=['booked_at', 'points'],
    required=['loyalty_number', 'booked_at', 'points'],
    rules=[{
        'name': 'earned_points_are_negative',
        'when': "kind = 'earn' and points < 0",
        'reason': 'points are negative although they were earned',
    }]
) }}
