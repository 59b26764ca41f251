{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'orders') }}
),

renamed as (
    select
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.clean_text('customer_no') }} as customer_no,
        {{ context360.clean_text('guest_email') }} as guest_email_original,
        {{ context360.comparable_email('guest_email') }} as guest_email,
        {{ context360.clean_text('ordered_at') }} as raw_ordered_at,
        {{ context360.timestamp_from_utc_text('ordered_at') }} as ordered_at,
        {{ context360.clean_text('coupon_code') }} as coupon_code,
        lower({{ context360.clean_text('payment') }}) as payment_method,
        {{ context360.clean_text('utm_source') }} as utm_source,
        {{ context360.clean_text('utm_campaign') }} as utm_campaign,
        {{ context360.clean_text('cookie_id') }} as cookie_id,
        {{ context360.clean_text('shipping_zip') }} as shipping_postal_code_original,
        {{ context360.comparable_postal_code('shipping_zip') }} as shipping_postal_code,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['order_no'],
    moment='ordered_at',
    parsed=['ordered_at'],
    required=['ordered_at']
) }}
