{{ union_of_contributions('consent') }}
