with seen as (
    select
        customer_key,
        source_system,
        1 as record_count,
        0 as activity_count
    from {{ ref('bridge_source_record') }}

    union all

    select
        customer_key,
        source_system,
        0 as record_count,
        1 as activity_count
    from {{ ref('fct_interaction') }}

    union all

    select
        customer_key,
        source_system,
        0 as record_count,
        1 as activity_count
    from {{ ref('int_attributed_sighting') }}
)

select
    customer_key,
    source_system,
    cast(sum(record_count) as bigint) as record_count,
    cast(sum(activity_count) as bigint) as activity_count
from seen
where customer_key > 0
group by customer_key, source_system
