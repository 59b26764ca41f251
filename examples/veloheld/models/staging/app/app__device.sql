{{ config(enabled=context360.adapter_is_on()) }}

select
    device_id,
    'telephone' as device_kind,
    'mobile' as device_class,
    max(operating_system) as operating_system,
    -- A telephone with logins of two people identifies neither of them.
    case when min(email) = max(email) then 'email' end as identifier_kind,
    case when min(email) = max(email) then min(email) end as identifier_value,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at
from {{ ref('stg_app__events') }}
group by device_id
