{{ union_of_contributions('loyalty_transaction') }}
