{{ with_own_rows('currencies', key='currency') }}
