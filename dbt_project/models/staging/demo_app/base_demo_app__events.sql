{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_app', 'events') }}
),

renamed as (
    select
        {{ clean_text('event_id') }} as event_id,
        {{ clean_text('device_id') }} as device_id,
        {{ clean_text('account_email') }} as email_original,
        {{ comparable_email('account_email') }} as email,
        lower({{ clean_text('kind') }}) as kind,
        {{ clean_text('content_id') }} as content_id,
        {{ clean_text('sku') }} as product_id,
        lower({{ clean_text('os') }}) as operating_system,
        {{ utc_from_zoned('occurred_at') }} as occurred_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['event_id'],
    required=['device_id', 'kind', 'occurred_at']
) }}
