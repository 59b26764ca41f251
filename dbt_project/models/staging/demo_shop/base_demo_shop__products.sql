{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_shop', 'products') }}
),

renamed as (
    select
        {{ clean_text('sku') }} as sku,
        {{ clean_text('title') }} as title,
        lower({{ clean_text('product_line') }}) as product_line,
        lower({{ clean_text('category') }}) as category,
        {{ clean_text('price') }} as raw_price_amount,
        {{ money_from_text('price') }} as price_amount,
        {{ clean_text('cost') }} as raw_cost_amount,
        {{ money_from_text('cost') }} as cost_amount,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['sku'],
    parsed=['price_amount', 'cost_amount'],
    required=['product_line']
) }}
