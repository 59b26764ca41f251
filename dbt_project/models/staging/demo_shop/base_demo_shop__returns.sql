{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_shop', 'returns') }}
),

renamed as (
    select
        {{ clean_text('return_no') }} as return_no,
        {{ clean_text('order_no') }} as order_no,
        {{ clean_text('line_no') }} as line_no,
        {{ clean_text('quantity') }} as raw_quantity,
        {{ number_from_text('quantity', 'decimal(18, 3)') }} as quantity,
        {{ clean_text('amount') }} as raw_refund_amount,
        {{ money_from_text('amount') }} as refund_amount,
        {{ clean_text('reason') }} as reason,
        {{ clean_text('returned_at') }} as raw_returned_at,
        {{ timestamp_from_utc_text('returned_at') }} as returned_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['return_no'],
    parsed=['quantity', 'refund_amount', 'returned_at'],
    required=['order_no', 'quantity', 'refund_amount', 'returned_at'],
    rules=[{
        'name': 'quantity_is_implausible',
        'when': 'quantity not between 1 and 50',
        'reason': 'quantity is not between 1 and 50: no parcel holds more',
    }]
) }}
