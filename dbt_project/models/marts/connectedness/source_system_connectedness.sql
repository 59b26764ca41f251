with systems as (
    select
        source_system,
        max(system_title) as title
    from {{ ref('dim_source_stream') }}
    group by source_system
),

assignments as (
    select
        source_system,
        source_record_id,
        customer_key
    from {{ ref('bridge_source_record') }}
),

reach as (
    select
        customer_key,
        count(distinct source_system) as source_system_count
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
        sum(case when activity_kind = 'interaction' then activity_count else 0 end) as interaction_count,
        sum(case when activity_kind = 'interaction' and attribution like 'known%' then activity_count else 0 end)
            as known_interaction_count,
        sum(case when activity_kind = 'position' then activity_count else 0 end) as position_count,
        sum(case when activity_kind = 'reading' then activity_count else 0 end) as reading_count,
        sum(activity_count) as activity_count,
        sum(case when attribution like 'known%' then activity_count else 0 end) as known_activity_count
    from {{ ref('fct_source_activity') }}
    group by source_system
),

pairs as (
    select
        source_system,
        sum(pair_count) as identifier_pair_count,
        sum(known_pair_count) as known_identifier_pair_count
    from {{ ref('bridge_identifier_kind') }}
    where seen_in = 'event'
    group by source_system
),

identifiers as (
    select
        source_system,
        sum(identifier_count) as identifier_count,
        sum(known_identifier_count) as known_identifier_count
    from {{ ref('bridge_source_system_identifier') }}
    group by source_system
),

-- A system that has left the catalog stays as long as the warehouse holds rows of it.
names as (
    select source_system from systems
    union
    select source_system from records
    union
    select source_system from activity
    union
    select source_system from identifiers
)

select
    names.source_system,
    coalesce(systems.title, names.source_system) as title,
    coalesce(records.source_record_count, 0) as source_record_count,
    coalesce(records.customer_count, 0) as customer_count,
    coalesce(records.linked_record_count, 0) as linked_record_count,
    cast(records.linked_record_count as double) / nullif(records.source_record_count, 0) as link_rate,
    1 - cast(records.linked_record_count as double) / nullif(records.source_record_count, 0) as orphan_rate,
    coalesce(records.source_record_count, 0) > 0 and records.linked_record_count = 0 as is_orphan,
    cast(coalesce(identifiers.identifier_count, 0) as bigint) as identifier_count,
    cast(coalesce(identifiers.known_identifier_count, 0) as bigint) as known_identifier_count,
    1 - cast(identifiers.known_identifier_count as double) / nullif(identifiers.identifier_count, 0)
        as identifier_orphan_rate,
    cast(coalesce(activity.interaction_count, 0) as bigint) as interaction_count,
    cast(coalesce(activity.known_interaction_count, 0) as bigint) as known_interaction_count,
    cast(coalesce(activity.interaction_count, 0) - coalesce(activity.known_interaction_count, 0) as bigint)
        as unknown_interaction_count,
    cast(coalesce(activity.position_count, 0) as bigint) as position_count,
    cast(coalesce(activity.reading_count, 0) as bigint) as reading_count,
    cast(coalesce(activity.activity_count, 0) as bigint) as activity_count,
    cast(coalesce(activity.known_activity_count, 0) as bigint) as known_activity_count,
    cast(activity.known_activity_count as double) / nullif(activity.activity_count, 0) as visibility,
    cast(coalesce(pairs.identifier_pair_count, 0) as bigint) as identifier_pair_count,
    cast(coalesce(pairs.known_identifier_pair_count, 0) as bigint) as known_identifier_pair_count
from names
left join systems on names.source_system = systems.source_system
left join records on names.source_system = records.source_system
left join activity on names.source_system = activity.source_system
left join pairs on names.source_system = pairs.source_system
left join identifiers on names.source_system = identifiers.source_system
