-- Of the connected products of each customer the one that needs most: with a fault, then with the emptiest battery.
with readings as (
    select
        customer_key,
        product_reading_key,
        device_key,
        product_key,
        valid_from,
        battery_percent,
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
        max(case
            when fault_code is not null and (previous_fault_code is null or previous_fault_code <> fault_code)
                then valid_from
        end) as fault_since
    from readings
    group by device_key
),

ranked_states as (
    select
        readings.customer_key,
        coalesce(products.title, products.product_id) as title,
        readings.battery_percent,
        readings.fault_code,
        case when readings.fault_code is not null then faults.fault_since end as fault_since,
        readings.valid_from as read_at,
        cast(count(*) over (partition by readings.customer_key) as int) as product_count,
        row_number() over (
            partition by readings.customer_key
            order by
                case when readings.fault_code is not null then 0 else 1 end,
                readings.battery_percent asc,
                readings.valid_from desc,
                readings.device_key asc
        ) as need_rank
    from readings
    inner join faults on readings.device_key = faults.device_key
    left join {{ ref('dim_product') }} as products on readings.product_key = products.product_key
    where readings.newest_rank = 1
)

select * from ranked_states
where need_rank = 1
