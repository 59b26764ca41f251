{{ config(enabled=context360.adapter_is_on()) }}

select
    cookie_id as device_id,
    'browser' as device_kind,
    max(device) as device_class,
    max(os) as operating_system,
    min(occurred_at) as first_seen_at,
    max(occurred_at) as last_seen_at
from {{ ref('stg_web__events') }}
group by cookie_id
