{{ with_own_rows('touchpoints', key='touchpoint') }}
