{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('web', 'events') }}
),

renamed as (
    select
        {{ context360.clean_text('event_id') }} as event_id,
        {{ context360.clean_text('cookie_id') }} as cookie_id,
        {{ context360.clean_text('session_id') }} as session_id,
        lower({{ context360.clean_text('kind') }}) as kind,
        {{ context360.clean_text('url') }} as url,
        {{ context360.clean_text('content_id') }} as content_id,
        {{ context360.clean_text('sku') }} as product_id,
        {{ context360.clean_text('search_term') }} as search_term,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('utm_source') }} as utm_source,
        {{ context360.clean_text('utm_medium') }} as utm_medium,
        {{ context360.clean_text('utm_campaign') }} as utm_campaign,
        {{ context360.clean_text('qr_code') }} as qr_code,
        lower({{ context360.clean_text('device') }}) as device,
        lower({{ context360.clean_text('os') }}) as os,
        {{ context360.utc_from_zoned('occurred_at') }} as occurred_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['event_id'],
    moment='occurred_at',
    required=['cookie_id', 'kind', 'occurred_at']
) }}
