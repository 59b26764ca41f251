{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'products') }}
),

renamed as (
    select
        {{ context360.clean_text('sku') }} as sku,
        {{ context360.clean_text('title') }} as title,
        lower({{ context360.clean_text('product_line') }}) as product_line,
        lower({{ context360.clean_text('category') }}) as category,
        {{ context360.clean_text('price') }} as raw_price_amount,
        {{ context360.money_from_text('price') }} as price_amount,
        {{ context360.clean_text('cost') }} as raw_cost_amount,
        {{ context360.money_from_text('cost') }} as cost_amount,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['sku'],
    parsed=['price_amount', 'cost_amount'],
    required=['product_line']
) }}
