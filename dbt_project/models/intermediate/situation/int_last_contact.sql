-- The newest interaction, the interactions of the last days, and the device that the customer used last.
with interactions as (
    select * from {{ ref('int_known_interaction') }}
),

contacts as (
    select
        customer_key,
        max(case when newest_rank = 1 then touchpoint end) as last_touchpoint,
        max(case when newest_rank = 1 then channel end) as last_channel,
        max(happened_at) as last_interaction_at,
        cast(count(case when happened_at >= {{ dbt.dateadd('day', -7, as_of()) }} then 1 end) as int)
            as interaction_count_7d
    from interactions
    group by customer_key
),

devices_used as (
    select
        interactions.customer_key,
        devices.device_class,
        devices.operating_system,
        interactions.happened_at,
        row_number() over (
            partition by interactions.customer_key
            order by interactions.happened_at desc, interactions.interaction_key desc
        ) as newest_rank
    from interactions
    inner join {{ ref('dim_device') }} as devices on interactions.device_key = devices.device_key
    where devices.device_kind <> 'product' and interactions.direction = 'inbound'
)

select
    contacts.customer_key,
    contacts.last_touchpoint,
    contacts.last_channel,
    contacts.last_interaction_at,
    contacts.interaction_count_7d,
    devices_used.device_class,
    devices_used.operating_system,
    devices_used.happened_at as device_used_at
from contacts
left join devices_used on contacts.customer_key = devices_used.customer_key and devices_used.newest_rank = 1
