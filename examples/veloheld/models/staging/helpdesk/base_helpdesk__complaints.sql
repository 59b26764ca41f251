{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('helpdesk', 'complaints') }}
),

renamed as (
    select
        {{ context360.clean_text('complaint_id') }} as complaint_id,
        {{ context360.clean_text('requester_email') }} as email_original,
        {{ context360.comparable_email('requester_email') }} as email,
        {{ context360.clean_text('requester_phone') }} as phone_original,
        {{ context360.comparable_phone('requester_phone', "'NL'") }} as phone,
        {{ context360.clean_text('account_id') }} as account_id,
        {{ context360.clean_text('product_sku') }} as product_id,
        {{ context360.clean_text('subject') }} as subject,
        {{ context360.clean_text('opened_at') }} as raw_opened_at,
        {{ context360.timestamp_from_utc_text('opened_at') }} as opened_at,
        lower({{ context360.clean_text('status') }}) as status,
        {{ context360.clean_text('updated_at') }} as raw_updated_at,
        {{ context360.timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['complaint_id'],
    parsed=['opened_at', 'updated_at'],
    required=['opened_at', 'status'],
    version=['updated_at']
) }}
