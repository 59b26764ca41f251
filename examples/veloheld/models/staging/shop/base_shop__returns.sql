{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'returns') }}
),

renamed as (
    select
        {{ context360.clean_text('return_no') }} as return_no,
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.clean_text('line_no') }} as line_no,
        {{ context360.clean_text('quantity') }} as raw_quantity,
        {{ context360.number_from_text('quantity', 'decimal(18, 6)') }} as quantity,
        {{ context360.clean_text('amount') }} as raw_refund_amount,
        {{ context360.money_from_text('amount') }} as refund_amount,
        {{ context360.clean_text('reason') }} as reason,
        {{ context360.clean_text('returned_at') }} as raw_returned_at,
        {{ context360.timestamp_from_utc_text('returned_at') }} as returned_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
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
