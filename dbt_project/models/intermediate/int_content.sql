{{ union_of_contributions('content') }}
