{{ with_own_rows('data_attributes', key='attribute') }}
