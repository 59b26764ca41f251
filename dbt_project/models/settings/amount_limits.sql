{{ with_own_rows('amount_limits', key=['stream', 'currency']) }}
