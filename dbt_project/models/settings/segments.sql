{{ with_own_rows('segments', key='segment') }}
