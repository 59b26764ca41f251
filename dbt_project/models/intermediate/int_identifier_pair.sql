{{ union_of_contributions('identifier_pair') }}
