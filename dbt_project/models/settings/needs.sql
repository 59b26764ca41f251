{{ with_own_rows('needs', key='need') }}
