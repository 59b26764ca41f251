{{ union_of_contributions('appointment') }}
