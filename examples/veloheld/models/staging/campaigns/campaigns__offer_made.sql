{{ config(enabled=context360.adapter_is_on()) }}

with recipients as (
    select * from {{ ref('stg_campaigns__recipients') }}
),

-- Each recipient has one coupon. Two people with one address cannot be distinguished here: both get the use.
used_coupons as (
    select
        coupons.offer_id,
        coupons.email,
        min(redemptions.coupon_code) as coupon_code,
        min(redemptions.redeemed_at) as redeemed_at
    from {{ ref('stg_campaigns__redemptions') }} as redemptions
    inner join {{ ref('stg_campaigns__coupons') }} as coupons on redemptions.coupon_code = coupons.coupon_code
    group by coupons.offer_id, coupons.email
)

select
    recipients.recipient_id as offer_made_id,
    recipients.campaign_id,
    recipients.offer_id,
    offers.channel,
    case
        when recipients.account_id is not null then 'crm_account_id'
        when recipients.email is not null then 'email'
    end as identifier_kind,
    coalesce(recipients.account_id, recipients.email) as identifier_value,
    recipients.email,
    recipients.is_holdout,
    recipients.sent_at as made_at,
    case when not recipients.is_holdout then used_coupons.coupon_code end as coupon_code,
    case when not recipients.is_holdout then used_coupons.redeemed_at end as redeemed_at
from recipients
left join {{ ref('stg_campaigns__offers') }} as offers on recipients.offer_id = offers.offer_id
left join used_coupons on recipients.offer_id = used_coupons.offer_id and recipients.email = used_coupons.email
