{{ union_of_contributions('offer_product') }}
