{{ config(materialized='table') }}

select
    redemptions.source_system,
    redemptions.redemption_id,
    redemptions.touchpoint,
    redemptions.coupon_code,
    redemptions.offer_id,
    redemptions.campaign_id,
    redemptions.order_id,
    redemptions.order_line_id,
    orders.source_system as selling_system,
    redemptions.redeemed_at,
    row_number() over (
        partition by orders.source_system, redemptions.order_id
        order by redemptions.redeemed_at, redemptions.source_system, redemptions.redemption_id
    ) as use_number
from {{ ref('int_coupon_redemption') }} as redemptions
{{ join_order_number('redemptions', 'orders', stated_system='redemptions.order_source_system') }}
