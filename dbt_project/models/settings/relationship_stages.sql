{{ with_own_rows('relationship_stages', key='stage') }}
