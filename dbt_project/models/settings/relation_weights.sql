{{ with_own_rows('relation_weights', key='relation_kind') }}
