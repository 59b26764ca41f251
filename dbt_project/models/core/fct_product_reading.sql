with readings as (
    select * from {{ ref('int_device_reading') }}
)

select
    {{ integer_key(['readings.source_system', 'readings.reading_id']) }} as product_reading_key,
    -- The owner on record, where the serial number alone points at no customer.
    coalesce(customers.customer_key, devices.customer_key, -1) as customer_key,
    {{ member_key('readings.device_id') }} as device_key,
    coalesce(devices.product_key, -1) as product_key,
    {{ date_key('readings.read_at') }} as read_date_key,
    readings.read_at as valid_from,
    lead(readings.read_at) over (
        partition by readings.source_system, readings.device_id order by readings.read_at, readings.reading_id
    ) as valid_to,
    readings.battery_percent,
    readings.odometer_km,
    readings.fault_code,
    readings.source_system,
    readings.reading_id as source_reading_id
from readings
{{ join_customer('readings') }}
left join {{ ref('dim_device') }} as devices on readings.device_id = devices.device_id
