{{ config(enabled=context360.adapter_is_on()) }}

select
    ping_id as position_id,
    'gps' as position_kind,
    device_id,
    'device' as identifier_kind,
    device_id as identifier_value,
    latitude,
    longitude,
    accuracy_metres,
    occurred_at as observed_at
from {{ ref('stg_location__pings') }}
