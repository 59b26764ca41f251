{{ config(materialized='table') }}

with delivered as (
    select * from {{ ref('int_delivered_relation') }}
),

referral_coupons as (
    select * from {{ ref('int_coupon') }}
    where coupon_kind = 'referral' and identifier_value is not null
),

-- A purchase with the coupon of a friend is a referral by that friend.
referrals as (
    select
        redemptions.source_system,
        redemptions.redemption_id as source_relation_id,
        'referred_by' as relation_kind,
        min(order_lines.identifier_kind) as identifier_kind,
        min(order_lines.identifier_value) as identifier_value,
        min(referral_coupons.identifier_kind) as other_identifier_kind,
        min(referral_coupons.identifier_value) as other_identifier_value,
        min(redemptions.redeemed_at) as observed_at
    from {{ ref('int_used_coupon') }} as redemptions
    inner join referral_coupons
        on
            redemptions.source_system = referral_coupons.source_system
            and redemptions.coupon_code = referral_coupons.coupon_code
    inner join {{ ref('int_order_line') }} as order_lines
        on redemptions.selling_system = order_lines.source_system and redemptions.order_id = order_lines.order_id
    where order_lines.identifier_value is not null
    group by redemptions.source_system, redemptions.redemption_id
)

select
    source_system,
    source_relation_id,
    relation_kind,
    identifier_kind,
    identifier_value,
    other_identifier_kind,
    other_identifier_value,
    observed_at
from delivered

union all

select
    source_system,
    source_relation_id,
    relation_kind,
    identifier_kind,
    identifier_value,
    other_identifier_kind,
    other_identifier_value,
    observed_at
from referrals
