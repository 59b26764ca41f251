{{ union_of_contributions('location') }}
