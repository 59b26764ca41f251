-- Which customers each system knows; a pair of systems is linked by the customers that both know.
with known as (
    select distinct source_system, customer_key
    from {{ ref('bridge_source_record') }}
),

sizes as (
    select source_system, count(*) as customer_count
    from known
    group by source_system
),

shared as (
    select
        ours.source_system,
        theirs.source_system as other_source_system,
        count(*) as shared_customer_count
    from known as ours
    inner join known as theirs
        on ours.customer_key = theirs.customer_key and ours.source_system <> theirs.source_system
    group by ours.source_system, theirs.source_system
)

select
    sizes.source_system,
    others.source_system as other_source_system,
    sizes.customer_count,
    coalesce(shared.shared_customer_count, 0) as shared_customer_count,
    cast(coalesce(shared.shared_customer_count, 0) as double) / sizes.customer_count as link_rate
from sizes
inner join sizes as others on sizes.source_system <> others.source_system
left join shared
    on sizes.source_system = shared.source_system and others.source_system = shared.other_source_system
