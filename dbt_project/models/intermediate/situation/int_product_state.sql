-- Of the connected products of each customer the one that needs most: with a fault, then with the emptiest battery.
with ranked_states as (
    select
        customer_key,
        title,
        battery_percent,
        fault_code,
        case when fault_code is not null then fault_since end as fault_since,
        read_at,
        cast(count(*) over (partition by customer_key) as int) as product_count,
        row_number() over (
            partition by customer_key
            order by
                case when fault_code is not null then 0 else 1 end,
                battery_percent asc,
                read_at desc,
                device_key asc
        ) as need_rank
    from {{ ref('int_product_condition') }}
)

select * from ranked_states
where need_rank = 1
