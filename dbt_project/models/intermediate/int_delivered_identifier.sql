{{ union_of_contributions('identifier') }}
