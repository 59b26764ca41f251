{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'online_purchases') }}
),

renamed as (
    select
        {{ context360.clean_text('purchase_id') }} as purchase_id,
        {{ context360.clean_text('contact_id') }} as contact_id,
        {{ context360.clean_text('product_id') }} as product_id,
        {{ context360.clean_text('purchased_on') }} as raw_purchased_on,
        {{ context360.date_from_us_text('purchased_on') }} as purchased_on,
        {{ context360.clean_text('total_price') }} as raw_total_price_amount,
        {{ context360.money_from_text('total_price') }} as total_price_amount,
        {{ context360.clean_text('activity_type_display') }} as activity_type,
        {{ context360.clean_text('subject') }} as subject,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['purchase_id'],
    parsed=['purchased_on', 'total_price_amount'],
    required=['contact_id', 'product_id', 'purchased_on', 'total_price_amount']
) }}
