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
)

select
    used.source_system,
    used.identifier_kind,
    count(*) as identifier_count,
    count(customers.customer_key) as known_identifier_count,
    count(case when customers.is_shared then 1 end) as shared_identifier_count
from used
{{ join_customer('used') }}
where used.identifier_value is not null
group by used.source_system, used.identifier_kind
