{{ union_of_contributions('offer') }}
