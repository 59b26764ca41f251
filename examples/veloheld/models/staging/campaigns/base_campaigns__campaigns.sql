{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('campaigns', 'campaigns') }}
),

-- The system gives open-ended rows an end ten years ahead.
ended as (
    select
        {{ context360.all_columns_except(['ends_on']) }},
        case
            when
                {{ context360.date_from_iso_text('ends_on') }}
                >= {{ dbt.dateadd('year', 9, context360.date_from_iso_text('starts_on')) }}
                then null
            else ends_on
        end as ends_on
    from source
),

renamed as (
    select
        {{ context360.clean_text('campaign_id') }} as campaign_id,
        {{ context360.clean_text('title') }} as title,
        lower({{ context360.clean_text('product_line') }}) as product_line,
        lower({{ context360.clean_text('channel') }}) as channel,
        {{ context360.clean_text('starts_on') }} as raw_starts_on,
        {{ context360.date_from_iso_text('starts_on') }} as starts_on,
        {{ context360.clean_text('ends_on') }} as raw_ends_on,
        {{ context360.date_from_iso_text('ends_on') }} as ends_on,
        {{ context360.clean_text('has_holdout') }} as raw_has_holdout,
        {{ context360.boolean_from_digit('has_holdout') }} as has_holdout,
        {{ context360.landing_columns() }}
    from ended
)

{{ context360.judged_rows(
    'renamed',
    key=['campaign_id'],
    parsed=['starts_on', 'ends_on', 'has_holdout'],
    required=['channel', 'starts_on']
) }}
