with pairs as (
    select
        pairs.source_system,
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
)

select
    source_system,
    identifier_kind,
    other_identifier_kind,
    count(*) as pair_count,
    count(customer_key) as known_pair_count,
    cast(coalesce(sum(sighting_count), 0) as bigint) as sighting_count
from pairs
group by source_system, identifier_kind, other_identifier_kind
