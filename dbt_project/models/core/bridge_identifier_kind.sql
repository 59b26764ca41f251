with pairs as (
    select
        pairs.source_system,
        'event' as seen_in,
        pairs.identifier_kind,
        pairs.other_identifier_kind,
        pairs.sighting_count,
        coalesce(ours.customer_key, theirs.customer_key) as customer_key
    from {{ ref('int_identifier_pair') }} as pairs
    left join {{ ref('int_identified_customer') }} as ours
        on pairs.identifier_kind = ours.identifier_kind and pairs.identifier_value = ours.identifier_value
    left join {{ ref('int_identified_customer') }} as theirs
        on
            pairs.other_identifier_kind = theirs.identifier_kind
            and pairs.other_identifier_value = theirs.identifier_value

    union all

    -- A source record with two identifiers shows that both belong to one person.
    select
        ours.source_system,
        'record' as seen_in,
        ours.identifier_kind,
        theirs.identifier_kind as other_identifier_kind,
        1 as sighting_count,
        records.customer_key
    from {{ ref('int_identifier') }} as ours
    inner join {{ ref('int_identifier') }} as theirs
        on
            ours.source_system = theirs.source_system
            and ours.source_record_id = theirs.source_record_id
            and ours.identifier_kind < theirs.identifier_kind
    left join {{ ref('bridge_source_record') }} as records
        on ours.source_system = records.source_system and ours.source_record_id = records.source_record_id
)

select
    source_system,
    seen_in,
    identifier_kind,
    other_identifier_kind,
    count(*) as pair_count,
    count(customer_key) as known_pair_count,
    cast(coalesce(sum(sighting_count), 0) as bigint) as sighting_count
from pairs
group by source_system, seen_in, identifier_kind, other_identifier_kind
