select
    channel_key,
    channel,
    title,
    context
from {{ ref('channels') }}

union all

select
    -1 as channel_key,
    'unknown' as channel,
    'Channel not stated' as title,
    'unknown' as context
