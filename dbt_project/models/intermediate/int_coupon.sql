{{ union_of_contributions('coupon') }}
