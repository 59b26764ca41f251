-- The connected products of known customers at the as of: the last reading of each, and the last fault that it
-- reported.
with readings as (
    select
        customer_key,
        product_reading_key,
        device_key,
        product_key,
        valid_from,
        battery_percent,
        odometer_km,
        fault_code,
        lag(fault_code) over (partition by device_key order by valid_from, product_reading_key) as previous_fault_code,
        row_number() over (
            partition by device_key order by valid_from desc, product_reading_key desc
        ) as newest_rank
    from {{ ref('fct_product_reading') }}
    where valid_from < {{ as_of() }} and customer_key > 0
),

-- A fault began with the first of the unbroken series of readings that report it.
faults as (
    select
        device_key,
        max(case when fault_code is not null then valid_from end) as last_fault_at,
        max(case
            when fault_code is not null and (previous_fault_code is null or previous_fault_code <> fault_code)
                then valid_from
        end) as fault_since
    from readings
    group by device_key
),

last_faults as (
    select
        readings.device_key,
        faults.last_fault_at,
        faults.fault_since,
        max(readings.fault_code) as last_fault_code
    from readings
    inner join faults on readings.device_key = faults.device_key and readings.valid_from = faults.last_fault_at
    group by readings.device_key, faults.last_fault_at, faults.fault_since
)

select
    readings.customer_key,
    readings.device_key,
    coalesce(products.title, products.product_id) as title,
    readings.valid_from as read_at,
    readings.battery_percent,
    readings.odometer_km,
    readings.fault_code,
    last_faults.last_fault_code,
    last_faults.last_fault_at,
    last_faults.fault_since
from readings
left join last_faults on readings.device_key = last_faults.device_key
left join {{ ref('dim_product') }} as products on readings.product_key = products.product_key
where readings.newest_rank = 1
