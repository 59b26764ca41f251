{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('campaigns', 'coupons') }}
),

renamed as (
    select
        {{ context360.clean_text('coupon_code') }} as coupon_code,
        {{ context360.clean_text('offer_id') }} as offer_id,
        {{ context360.clean_text('account_id') }} as account_id,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['coupon_code'],
    required=['offer_id']
) }}
