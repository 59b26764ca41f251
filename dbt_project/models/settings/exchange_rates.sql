{{ with_own_rows('exchange_rates', key=['from_currency', 'to_currency', 'valid_from']) }}
