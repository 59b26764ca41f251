{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_shop', 'orders') }}
),

renamed as (
    select
        {{ clean_text('order_no') }} as order_no,
        {{ clean_text('customer_no') }} as customer_no,
        {{ clean_text('guest_email') }} as guest_email_original,
        {{ comparable_email('guest_email') }} as guest_email,
        {{ clean_text('ordered_at') }} as raw_ordered_at,
        {{ timestamp_from_utc_text('ordered_at') }} as ordered_at,
        {{ clean_text('coupon_code') }} as coupon_code,
        lower({{ clean_text('payment') }}) as payment_method,
        {{ clean_text('utm_source') }} as utm_source,
        {{ clean_text('utm_campaign') }} as utm_campaign,
        {{ clean_text('cookie_id') }} as cookie_id,
        {{ clean_text('shipping_zip') }} as shipping_postal_code_original,
        {{ comparable_postal_code('shipping_zip') }} as shipping_postal_code,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['order_no'],
    parsed=['ordered_at'],
    required=['ordered_at']
) }}
