{{ union_of_contributions('device') }}
