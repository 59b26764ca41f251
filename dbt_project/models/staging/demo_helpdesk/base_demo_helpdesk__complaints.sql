{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_helpdesk', 'complaints') }}
),

renamed as (
    select
        {{ clean_text('complaint_id') }} as complaint_id,
        {{ clean_text('requester_email') }} as email_original,
        {{ comparable_email('requester_email') }} as email,
        {{ clean_text('requester_phone') }} as phone_original,
        {{ comparable_phone('requester_phone', "'NL'") }} as phone,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('product_sku') }} as product_id,
        {{ clean_text('subject') }} as subject,
        {{ clean_text('opened_at') }} as raw_opened_at,
        {{ timestamp_from_utc_text('opened_at') }} as opened_at,
        lower({{ clean_text('status') }}) as status,
        {{ clean_text('updated_at') }} as raw_updated_at,
        {{ timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['complaint_id'],
    parsed=['opened_at', 'updated_at'],
    required=['opened_at', 'status'],
    version=['updated_at']
) }}
