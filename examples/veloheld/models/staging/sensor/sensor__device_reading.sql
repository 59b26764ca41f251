{{ config(enabled=context360.adapter_is_on()) }}

select
    reading_id,
    bike_serial as device_id,
    'product_serial' as identifier_kind,
    bike_serial as identifier_value,
    battery_percent,
    odometer_km,
    fault_code,
    occurred_at as read_at
from {{ ref('stg_sensor__readings') }}
