{{ with_own_rows('engagement_bands', key='band') }}
