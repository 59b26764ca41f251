{{ with_own_rows('attributions', key='attribution') }}
