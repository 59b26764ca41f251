{{ union_of_contributions('cart_line') }}
