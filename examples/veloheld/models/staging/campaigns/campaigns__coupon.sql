{{ config(enabled=context360.adapter_is_on()) }}

select
    coupons.coupon_code,
    -- A friend coupon is for a referred customer; the recipient uses all other coupons.
    case when coupons.coupon_code like 'FRIEND%' then 'referral' else 'offer' end as coupon_kind,
    coupons.offer_id,
    offers.campaign_id,
    case when coupons.account_id is not null then 'crm_account_id' when coupons.email is not null then 'email' end
        as identifier_kind,
    coalesce(coupons.account_id, coupons.email) as identifier_value
from {{ ref('stg_campaigns__coupons') }} as coupons
left join {{ ref('stg_campaigns__offers') }} as offers on coupons.offer_id = offers.offer_id
