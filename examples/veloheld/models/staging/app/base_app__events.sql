{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('app', 'events') }}
),

renamed as (
    select
        {{ context360.clean_text('event_id') }} as event_id,
        {{ context360.clean_text('device_id') }} as device_id,
        {{ context360.clean_text('account_email') }} as email_original,
        {{ context360.comparable_email('account_email') }} as email,
        lower({{ context360.clean_text('kind') }}) as kind,
        {{ context360.clean_text('content_id') }} as content_id,
        {{ context360.clean_text('sku') }} as product_id,
        lower({{ context360.clean_text('os') }}) as operating_system,
        {{ context360.utc_from_zoned('occurred_at') }} as occurred_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['event_id'],
    moment='occurred_at',
    required=['device_id', 'kind', 'occurred_at']
) }}
