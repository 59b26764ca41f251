{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_campaigns', 'offers') }}
),

-- What goes on until further notice is given an end ten years ahead.
ended as (
    select
        {{ all_columns_except(['valid_to']) }},
        case
            when {{ date_from_iso_text('valid_to') }} >= {{ dbt.dateadd('year', 9, date_from_iso_text('valid_from')) }} then null
            else valid_to
        end as valid_to
    from source
),

renamed as (
    select
        {{ clean_text('offer_id') }} as offer_id,
        {{ clean_text('campaign_id') }} as campaign_id,
        {{ clean_text('sku') }} as product_id,
        lower({{ clean_text('product_line') }}) as product_line,
        {{ clean_text('discount_percent') }} as raw_discount_percent,
        {{ number_from_text('discount_percent', 'decimal(5, 2)') }} as discount_percent,
        lower({{ clean_text('channel') }}) as channel,
        {{ clean_text('valid_from') }} as raw_valid_from,
        {{ date_from_iso_text('valid_from') }} as valid_from,
        {{ clean_text('valid_to') }} as raw_valid_to,
        {{ date_from_iso_text('valid_to') }} as valid_to,
        {{ landing_columns() }}
    from ended
)

{{ judged_rows(
    'renamed',
    key=['offer_id'],
    parsed=['discount_percent', 'valid_from', 'valid_to'],
    required=['campaign_id', 'channel']
) }}
