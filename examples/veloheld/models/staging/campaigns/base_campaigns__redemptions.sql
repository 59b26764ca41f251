{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('campaigns', 'redemptions') }}
),

renamed as (
    select
        {{ context360.clean_text('coupon_code') }} as coupon_code,
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.clean_text('receipt_no') }} as receipt_no,
        {{ context360.clean_text('redeemed_at') }} as raw_redeemed_at,
        {{ context360.timestamp_from_utc_text('redeemed_at') }} as redeemed_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['coupon_code', 'redeemed_at'],
    moment='redeemed_at',
    parsed=['redeemed_at'],
    rules=[{
        'name': 'order_is_missing',
        'when': 'order_no is null and receipt_no is null',
        'reason': 'neither order_no nor receipt_no says on which purchase the coupon was used',
    }]
) }}
