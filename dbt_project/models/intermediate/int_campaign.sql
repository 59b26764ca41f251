{{ union_of_contributions('campaign') }}
