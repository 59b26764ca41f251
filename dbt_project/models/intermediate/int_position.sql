{{ union_of_contributions('position') }}
