{{ union_of_contributions('product') }}
