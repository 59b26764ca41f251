{{ with_own_rows('actions', key='action') }}
