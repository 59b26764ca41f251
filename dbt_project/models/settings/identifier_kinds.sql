{{ with_own_rows('identifier_kinds', key='identifier_kind') }}
