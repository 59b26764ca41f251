{{ with_own_rows('moment_limits', key='stream') }}
