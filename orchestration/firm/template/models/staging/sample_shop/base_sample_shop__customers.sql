{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with renamed as (
    select
        {{ context360.clean_text('customer_no') }} as customer_no,
        {{ context360.clean_name('first_name') }} as given_name,
        {{ context360.clean_name('last_name') }} as family_name,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('phone') }} as phone_original,
        {{ context360.comparable_phone('phone', "'NL'") }} as phone,
        {{ context360.clean_text('updated_at') }} as raw_updated_at,
        {{ context360.timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ context360.landing_columns() }}
    from {{ source('sample_shop', 'customers') }}
)

{{ context360.judged_rows('renamed', key=['customer_no'], parsed=['updated_at'], version=['updated_at']) }}
