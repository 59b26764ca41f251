{{ union_of_contributions('coupon_redemption') }}
