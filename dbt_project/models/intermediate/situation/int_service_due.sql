{%- set interval_days = var('service_interval_days') -%}
{%- set interval_km = var('service_interval_km') -%}
-- The connected product of each customer whose service is due for longest: so many days after its last service, or the
-- sale, or so many kilometres. One that no reason has made due within service_due_most_days is left out.
with products as (
    select
        conditions.customer_key,
        conditions.device_key,
        conditions.title,
        conditions.read_at,
        conditions.odometer_km,
        devices.first_seen_at as sold_at,
        services.last_done_at as serviced_at
    from {{ ref('int_product_condition') }} as conditions
    inner join {{ ref('dim_device') }} as devices on conditions.device_key = devices.device_key
    left join {{ ref('int_last_service') }} as services on conditions.customer_key = services.customer_key
),

-- An earlier service was another product's.
last_services as (
    select
        customer_key,
        device_key,
        title,
        read_at,
        odometer_km,
        sold_at,
        case when serviced_at >= sold_at or sold_at is null then serviced_at end as serviced_at
    from products
),

readings as (
    select
        device_key,
        valid_from,
        odometer_km
    from {{ ref('fct_product_reading') }}
    where valid_from < {{ as_of() }} and customer_key > 0 and odometer_km is not null
),

-- What it showed at the service, or nothing where it was sold; without either, the first reading that there is.
bases as (
    select
        last_services.device_key,
        coalesce(last_services.serviced_at, last_services.sold_at, min(readings.valid_from)) as counts_from,
        coalesce(
            max(case when readings.valid_from <= last_services.serviced_at then readings.odometer_km end),
            case when last_services.serviced_at is null and last_services.sold_at is not null then 0 end,
            min(readings.odometer_km)
        ) as odometer_km
    from last_services
    left join readings on last_services.device_key = readings.device_key
    group by last_services.device_key, last_services.serviced_at, last_services.sold_at
),

reached as (
    select
        bases.device_key,
        min(readings.valid_from) as reached_at
    from bases
    inner join readings on bases.device_key = readings.device_key
    where readings.odometer_km - bases.odometer_km >= {{ interval_km }} and readings.valid_from > bases.counts_from
    group by bases.device_key
),

due as (
    select
        last_services.customer_key,
        last_services.device_key,
        last_services.title,
        last_services.read_at,
        last_services.odometer_km - bases.odometer_km as distance_km,
        {{ dbt.dateadd('day', interval_days, 'bases.counts_from') }} as day_reached_at,
        reached.reached_at as distance_reached_at
    from last_services
    inner join bases on last_services.device_key = bases.device_key
    left join reached on last_services.device_key = reached.device_key
),

due_products as (
    select
        *,
        case when distance_reached_at < day_reached_at then distance_reached_at else day_reached_at end as due_since,
        case when distance_reached_at > day_reached_at then distance_reached_at else day_reached_at end as due_again_at
    from due
    where distance_reached_at is not null or day_reached_at < {{ as_of() }}
),

ranked as (
    select
        customer_key,
        title,
        read_at,
        distance_km,
        due_since,
        row_number() over (partition by customer_key order by due_since, device_key) as need_rank
    from due_products
    where due_again_at >= {{ dbt.dateadd('day', -var('service_due_most_days'), as_of()) }}
)

select * from ranked
where need_rank = 1
