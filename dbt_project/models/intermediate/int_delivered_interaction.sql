{{ union_of_contributions('interaction') }}
