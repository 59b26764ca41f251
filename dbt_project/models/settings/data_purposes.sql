{{ with_own_rows('data_purposes', key='purpose') }}
