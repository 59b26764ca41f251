{{ union_of_contributions('relation') }}
