{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_campaigns', 'coupons') }}
),

renamed as (
    select
        {{ clean_text('coupon_code') }} as coupon_code,
        {{ clean_text('offer_id') }} as offer_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['coupon_code'],
    required=['offer_id']
) }}
