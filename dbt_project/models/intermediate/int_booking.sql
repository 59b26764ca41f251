{{ union_of_contributions('booking') }}
