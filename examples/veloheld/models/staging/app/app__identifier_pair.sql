{{ config(enabled=context360.adapter_is_on()) }}

select
    'login' as evidence,
    'device' as identifier_kind,
    device_id as identifier_value,
    'email' as other_identifier_kind,
    email as other_identifier_value,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at,
    count(*) as sighting_count
from {{ ref('stg_app__events') }}
where email is not null
group by device_id, email
