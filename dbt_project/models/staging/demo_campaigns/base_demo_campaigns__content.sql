{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_campaigns', 'content') }}
),

renamed as (
    select
        {{ clean_text('content_id') }} as content_id,
        {{ clean_text('title') }} as title,
        lower({{ clean_text('kind') }}) as kind,
        lower({{ clean_text('product_line') }}) as product_line,
        {{ clean_text('url') }} as url,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['content_id'],
    required=['kind']
) }}
