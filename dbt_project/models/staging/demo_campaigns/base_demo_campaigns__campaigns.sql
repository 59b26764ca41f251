{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_campaigns', 'campaigns') }}
),

-- What goes on until further notice is given an end ten years ahead.
ended as (
    select
        {{ all_columns_except(['ends_on']) }},
        case
            when {{ date_from_iso_text('ends_on') }} >= {{ dbt.dateadd('year', 9, date_from_iso_text('starts_on')) }} then null
            else ends_on
        end as ends_on
    from source
),

renamed as (
    select
        {{ clean_text('campaign_id') }} as campaign_id,
        {{ clean_text('title') }} as title,
        lower({{ clean_text('product_line') }}) as product_line,
        lower({{ clean_text('channel') }}) as channel,
        {{ clean_text('starts_on') }} as raw_starts_on,
        {{ date_from_iso_text('starts_on') }} as starts_on,
        {{ clean_text('ends_on') }} as raw_ends_on,
        {{ date_from_iso_text('ends_on') }} as ends_on,
        {{ clean_text('has_holdout') }} as raw_has_holdout,
        {{ boolean_from_digit('has_holdout') }} as has_holdout,
        {{ landing_columns() }}
    from ended
)

{{ judged_rows(
    'renamed',
    key=['campaign_id'],
    parsed=['starts_on', 'ends_on', 'has_holdout'],
    required=['channel', 'starts_on']
) }}
