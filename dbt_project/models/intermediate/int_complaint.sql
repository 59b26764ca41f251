{{ union_of_contributions('complaint') }}
