{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('contoso_shop', 'online_purchases') }}
),

renamed as (
    select
        {{ clean_text('purchase_id') }} as purchase_id,
        {{ clean_text('contact_id') }} as contact_id,
        {{ clean_text('product_id') }} as product_id,
        {{ clean_text('purchased_on') }} as raw_purchased_on,
        {{ date_from_us_text('purchased_on') }} as purchased_on,
        {{ clean_text('total_price') }} as raw_total_price_amount,
        {{ money_from_text('total_price') }} as total_price_amount,
        {{ clean_text('activity_type_display') }} as activity_type,
        {{ clean_text('subject') }} as subject,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['purchase_id'],
    parsed=['purchased_on', 'total_price_amount'],
    required=['contact_id', 'product_id', 'purchased_on', 'total_price_amount']
) }}
