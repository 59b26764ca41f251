{{ union_of_contributions('exchange_rate') }}
