{{ config(enabled=context360.adapter_is_on()) }}

select
    redemptions.coupon_code || ' ' || coalesce(redemptions.order_no, redemptions.receipt_no) as redemption_id,
    case when redemptions.order_no is not null then 'coupon_redeemed_online' else 'coupon_redeemed_in_store' end
        as touchpoint,
    redemptions.coupon_code,
    coupons.offer_id,
    offers.campaign_id,
    coalesce(redemptions.order_no, redemptions.receipt_no) as order_id,
    redemptions.redeemed_at
from {{ ref('stg_campaigns__redemptions') }} as redemptions
left join {{ ref('stg_campaigns__coupons') }} as coupons on redemptions.coupon_code = coupons.coupon_code
left join {{ ref('stg_campaigns__offers') }} as offers on coupons.offer_id = offers.offer_id
