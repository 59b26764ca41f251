{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_email', 'events') }}
),

renamed as (
    select
        {{ clean_text('event_id') }} as event_id,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        {{ clean_text('campaign_id') }} as campaign_id,
        {{ clean_text('offer_id') }} as offer_id,
        {{ clean_text('content_id') }} as content_id,
        lower({{ clean_text('kind') }}) as kind,
        {{ clean_text('url') }} as url,
        {{ utc_from_zoned('occurred_at') }} as occurred_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['event_id'],
    required=['email', 'kind', 'occurred_at']
) }}
