-- The customers that each system knows, by a record or an activity. Two systems are linked by customers that both know,
-- and could be linked by a kind of identifier that both use.
with known as (
    select
        customer_key,
        source_system
    from {{ ref('bridge_customer_source_system') }}
),

sizes as (
    select
        source_system,
        count(*) as customer_count
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
),

identifiers as (
    select
        source_system,
        identifier_kind
    from {{ ref('bridge_source_system_identifier') }}
),

shared_kinds as (
    select
        ours.source_system,
        theirs.source_system as other_source_system,
        {{ sorted_list_of('ours.identifier_kind') }} as shared_identifier_kinds
    from identifiers as ours
    inner join identifiers as theirs
        on ours.identifier_kind = theirs.identifier_kind and ours.source_system <> theirs.source_system
    group by ours.source_system, theirs.source_system
),

kinds as (
    select
        identifier_kind,
        other_identifier_kind
    from {{ ref('bridge_identifier_kind') }}

    union

    select
        other_identifier_kind as identifier_kind,
        identifier_kind as other_identifier_kind
    from {{ ref('bridge_identifier_kind') }}

    union

    select
        identifier_kind,
        identifier_kind as other_identifier_kind
    from identifiers
),

-- Paths between kinds of identifiers: up to two steps, and up to two more from there.
two_steps as (
    select distinct
        one.identifier_kind,
        other.other_identifier_kind
    from kinds as one
    inner join kinds as other on one.other_identifier_kind = other.identifier_kind
),

four_steps as (
    select distinct
        one.identifier_kind,
        other.other_identifier_kind
    from two_steps as one
    inner join two_steps as other on one.other_identifier_kind = other.identifier_kind
),

bridged as (
    select distinct
        ours.source_system,
        theirs.source_system as other_source_system
    from identifiers as ours
    inner join four_steps on ours.identifier_kind = four_steps.identifier_kind
    inner join identifiers as theirs
        on four_steps.other_identifier_kind = theirs.identifier_kind and ours.source_system <> theirs.source_system
),

systems as (
    select source_system from {{ ref('source_system_connectedness') }}
)

select
    systems.source_system,
    others.source_system as other_source_system,
    coalesce(sizes.customer_count, 0) as customer_count,
    coalesce(shared.shared_customer_count, 0) as shared_customer_count,
    cast(coalesce(shared.shared_customer_count, 0) as double) / sizes.customer_count as link_rate,
    shared_kinds.shared_identifier_kinds,
    case
        when shared_kinds.source_system is not null then 'direct'
        when bridged.source_system is not null then 'through other identifiers'
        else 'none'
    end as link_path
from systems
inner join systems as others on systems.source_system <> others.source_system
left join sizes on systems.source_system = sizes.source_system
left join shared
    on systems.source_system = shared.source_system and others.source_system = shared.other_source_system
left join shared_kinds
    on systems.source_system = shared_kinds.source_system and others.source_system = shared_kinds.other_source_system
left join bridged
    on systems.source_system = bridged.source_system and others.source_system = bridged.other_source_system
