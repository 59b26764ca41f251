{{ config(enabled=context360.adapter_is_on()) }}

select
    sighting_id as position_id,
    'beacon' as position_kind,
    device_id,
    'device' as identifier_kind,
    device_id as identifier_value,
    store_id || '/' || zone as location_id,
    signal_strength_dbm,
    occurred_at as observed_at
from {{ ref('stg_beacon__sightings') }}
