-- The last fault of each customer's connected products that no contact about service has followed. A product may have
-- stopped reporting it since then.
with ranked_faults as (
    select
        products.customer_key,
        products.title,
        products.last_fault_code,
        products.last_fault_at,
        products.fault_since,
        products.fault_code is not null as is_reported,
        case when products.fault_code is not null then products.battery_percent end as battery_percent,
        case when products.fault_code is null then products.read_at end as gone_at,
        row_number() over (
            partition by products.customer_key
            order by
                case when products.fault_code is not null then 0 else 1 end,
                products.last_fault_at desc,
                products.device_key asc
        ) as need_rank
    from {{ ref('int_product_condition') }} as products
    left join {{ ref('int_last_service') }} as services on products.customer_key = services.customer_key
    where
        products.last_fault_at is not null
        and (services.last_contacted_at is null or services.last_contacted_at < products.last_fault_at)
)

select * from ranked_faults
where need_rank = 1
