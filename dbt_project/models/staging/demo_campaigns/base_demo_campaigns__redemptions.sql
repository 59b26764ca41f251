{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_campaigns', 'redemptions') }}
),

renamed as (
    select
        {{ clean_text('coupon_code') }} as coupon_code,
        {{ clean_text('order_no') }} as order_no,
        {{ clean_text('receipt_no') }} as receipt_no,
        {{ clean_text('redeemed_at') }} as raw_redeemed_at,
        {{ timestamp_from_utc_text('redeemed_at') }} as redeemed_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['coupon_code', 'redeemed_at'],
    parsed=['redeemed_at'],
    rules=[{
        'name': 'order_is_missing',
        'when': 'order_no is null and receipt_no is null',
        'reason': 'neither order_no nor receipt_no says on which purchase the coupon was used',
    }]
) }}
