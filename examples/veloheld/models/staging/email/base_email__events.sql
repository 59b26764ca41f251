{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('email', 'events') }}
),

renamed as (
    select
        {{ context360.clean_text('event_id') }} as event_id,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('campaign_id') }} as campaign_id,
        {{ context360.clean_text('offer_id') }} as offer_id,
        {{ context360.clean_text('content_id') }} as content_id,
        lower({{ context360.clean_text('kind') }}) as kind,
        {{ context360.clean_text('url') }} as url,
        {{ context360.utc_from_zoned('occurred_at') }} as occurred_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['event_id'],
    required=['email', 'kind', 'occurred_at']
) }}
