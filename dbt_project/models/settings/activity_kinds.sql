{{ with_own_rows('activity_kinds', key='activity_kind') }}
