with assignments as (
    select source_system, source_record_id, customer_key
    from {{ ref('bridge_source_record') }}
),

reach as (
    select customer_key, count(distinct source_system) as source_system_count
    from assignments
    group by customer_key
),

records as (
    select
        assignments.source_system,
        count(*) as source_record_count,
        count(distinct assignments.customer_key) as customer_count,
        count(case when reach.source_system_count > 1 then 1 end) as linked_record_count
    from assignments
    inner join reach on assignments.customer_key = reach.customer_key
    group by assignments.source_system
),

activity as (
    select
        source_system,
        count(*) as interaction_count,
        count(case when customer_key > 0 then 1 end) as known_interaction_count
    from {{ ref('fct_interaction') }}
    group by source_system
)

select
    coalesce(records.source_system, activity.source_system) as source_system,
    coalesce(records.source_record_count, 0) as source_record_count,
    coalesce(records.customer_count, 0) as customer_count,
    coalesce(records.linked_record_count, 0) as linked_record_count,
    cast(records.linked_record_count as double) / nullif(records.source_record_count, 0) as link_rate,
    coalesce(records.source_record_count, 0) > 0 and records.linked_record_count = 0 as is_orphan,
    coalesce(activity.interaction_count, 0) as interaction_count,
    coalesce(activity.known_interaction_count, 0) as known_interaction_count,
    coalesce(activity.interaction_count, 0) - coalesce(activity.known_interaction_count, 0)
        as unknown_interaction_count,
    cast(activity.known_interaction_count as double) / nullif(activity.interaction_count, 0) as visibility
from records
full outer join activity on records.source_system = activity.source_system
