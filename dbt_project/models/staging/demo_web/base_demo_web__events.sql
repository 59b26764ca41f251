{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_web', 'events') }}
),

renamed as (
    select
        {{ clean_text('event_id') }} as event_id,
        {{ clean_text('cookie_id') }} as cookie_id,
        {{ clean_text('session_id') }} as session_id,
        lower({{ clean_text('kind') }}) as kind,
        {{ clean_text('url') }} as url,
        {{ clean_text('content_id') }} as content_id,
        {{ clean_text('sku') }} as product_id,
        {{ clean_text('search_term') }} as search_term,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        {{ clean_text('utm_source') }} as utm_source,
        {{ clean_text('utm_medium') }} as utm_medium,
        {{ clean_text('utm_campaign') }} as utm_campaign,
        {{ clean_text('qr_code') }} as qr_code,
        lower({{ clean_text('device') }}) as device,
        lower({{ clean_text('os') }}) as os,
        {{ utc_from_zoned('occurred_at') }} as occurred_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['event_id'],
    required=['cookie_id', 'kind', 'occurred_at']
) }}
