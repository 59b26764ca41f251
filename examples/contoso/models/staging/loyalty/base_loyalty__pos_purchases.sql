{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('loyalty', 'pos_purchases') }}
),

renamed as (
    select
        {{ context360.clean_text('purchase_id') }} as purchase_id,
        {{ context360.clean_text('loyalty_id') }} as loyalty_id,
        {{ context360.clean_text('product_id') }} as product_id,
        {{ context360.clean_text('purchased_on') }} as raw_purchased_on,
        {{ context360.date_from_iso_text('purchased_on') }} as purchased_on,
        {{ context360.clean_text('total_price') }} as raw_total_price_amount,
        {{ context360.money_from_text('total_price') }} as total_price_amount,
        {{ context360.clean_text('reward_points_added') }} as raw_reward_points_added,
        {{ context360.number_from_text('reward_points_added', 'integer') }} as reward_points_added,
        {{ context360.clean_text('activity_type_display') }} as activity_type,
        {{ context360.clean_text('subject') }} as subject,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['purchase_id'],
    parsed=['purchased_on', 'total_price_amount', 'reward_points_added'],
    required=['loyalty_id', 'product_id', 'purchased_on', 'total_price_amount']
) }}
