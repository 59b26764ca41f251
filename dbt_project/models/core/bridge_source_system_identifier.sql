with used as (
    select
        source_system,
        identifier_kind,
        identifier_value
    from {{ ref('int_identifier') }}

    union

    select
        source_system,
        identifier_kind,
        identifier_value
    from {{ ref('int_interaction') }}

    union

    select
        source_system,
        identifier_kind,
        identifier_value
    from {{ ref('int_position') }}

    union

    select
        source_system,
        identifier_kind,
        identifier_value
    from {{ ref('int_device_reading') }}

    union

    select
        source_system,
        identifier_kind,
        identifier_value
    from {{ ref('int_identifier_pair') }}

    union

    select
        source_system,
        other_identifier_kind as identifier_kind,
        other_identifier_value as identifier_value
    from {{ ref('int_identifier_pair') }}
),

-- Identifiers that no record holds, and that lead to a customer all the same: their activity is attributed by device.
known_by_activity as (
    select
        interactions.identifier_kind,
        interactions.identifier_value
    from {{ ref('int_interaction') }} as interactions
    inner join {{ ref('int_anonymous_interaction') }} as anonymous
        on
            interactions.source_system = anonymous.source_system
            and interactions.source_interaction_id = anonymous.source_interaction_id
    where anonymous.customer_key is not null

    union

    select
        identifier_kind,
        identifier_value
    from {{ ref('int_attributed_sighting') }}
    where customer_key > 0
)

select
    used.source_system,
    used.identifier_kind,
    count(*) as identifier_count,
    count(case
        when not coalesce(customers.is_shared, false)
            then coalesce(customers.identifier_value, known_by_activity.identifier_value)
    end) as known_identifier_count,
    count(case when customers.is_shared then 1 end) as shared_identifier_count
from used
{{ join_customer('used') }}
left join known_by_activity
    on
        used.identifier_kind = known_by_activity.identifier_kind
        and used.identifier_value = known_by_activity.identifier_value
where used.identifier_value is not null
group by used.source_system, used.identifier_kind
