{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('campaigns', 'content') }}
),

renamed as (
    select
        {{ context360.clean_text('content_id') }} as content_id,
        {{ context360.clean_text('title') }} as title,
        lower({{ context360.clean_text('kind') }}) as kind,
        lower({{ context360.clean_text('product_line') }}) as product_line,
        {{ context360.clean_text('url') }} as url,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['content_id'],
    required=['kind']
) }}
