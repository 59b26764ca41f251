-- When the firm wrote or spoke last in each session, such as a conversation or a complaint, before the as of. An answer
-- counts even where it names no person.
select
    session_key,
    max(happened_at) as last_answered_at
from {{ ref('fct_interaction') }}
where direction = 'outbound' and session_key is not null and happened_at < {{ as_of() }}
group by session_key
