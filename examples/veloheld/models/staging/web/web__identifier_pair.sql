{{ config(enabled=context360.adapter_is_on()) }}

select
    case kind when 'login' then 'login' else 'sign-up' end as evidence,
    'cookie' as identifier_kind,
    cookie_id as identifier_value,
    'email' as other_identifier_kind,
    email as other_identifier_value,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at,
    count(*) as sighting_count
from {{ ref('stg_web__events') }}
where email is not null
group by case kind when 'login' then 'login' else 'sign-up' end, cookie_id, email
