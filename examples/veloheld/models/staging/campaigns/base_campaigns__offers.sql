{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('campaigns', 'offers') }}
),

-- The system gives open-ended rows an end ten years ahead.
ended as (
    select
        {{ context360.all_columns_except(['valid_to']) }},
        case
            when
                {{ context360.date_from_iso_text('valid_to') }}
                >= {{ dbt.dateadd('year', 9, context360.date_from_iso_text('valid_from')) }}
                then null
            else valid_to
        end as valid_to
    from source
),

renamed as (
    select
        {{ context360.clean_text('offer_id') }} as offer_id,
        {{ context360.clean_text('campaign_id') }} as campaign_id,
        {{ context360.clean_text('sku') }} as product_id,
        lower({{ context360.clean_text('product_line') }}) as product_line,
        {{ context360.clean_text('discount_percent') }} as raw_discount_percent,
        {{ context360.number_from_text('discount_percent', 'decimal(5, 2)') }} as discount_percent,
        lower({{ context360.clean_text('channel') }}) as channel,
        {{ context360.clean_text('valid_from') }} as raw_valid_from,
        {{ context360.date_from_iso_text('valid_from') }} as valid_from,
        {{ context360.clean_text('valid_to') }} as raw_valid_to,
        {{ context360.date_from_iso_text('valid_to') }} as valid_to,
        {{ context360.landing_columns() }}
    from ended
)

{{ context360.judged_rows(
    'renamed',
    key=['offer_id'],
    parsed=['discount_percent', 'valid_from', 'valid_to'],
    required=['campaign_id', 'channel']
) }}
