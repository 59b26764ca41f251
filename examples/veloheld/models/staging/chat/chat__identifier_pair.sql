{{ config(enabled=context360.adapter_is_on()) }}

select
    'chat' as evidence,
    'cookie' as identifier_kind,
    cookie_id as identifier_value,
    'email' as other_identifier_kind,
    email as other_identifier_value,
    min(sent_at) as first_seen_at,
    max(sent_at) as last_seen_at,
    count(*) as sighting_count
from {{ ref('stg_chat__messages') }}
where cookie_id is not null and email is not null
group by cookie_id, email
