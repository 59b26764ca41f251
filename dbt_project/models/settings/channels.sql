{{ with_own_rows('channels', key='channel') }}
