{{ with_own_rows('identifier_limits', key='identifier_kind') }}
