with sightings as (
    select
        source_system,
        'position' as activity_kind,
        position_id as sighting_id,
        identifier_kind,
        identifier_value,
        observed_at as happened_at
    from {{ ref('int_position') }}

    union all

    select
        source_system,
        'reading' as activity_kind,
        reading_id as sighting_id,
        identifier_kind,
        identifier_value,
        read_at as happened_at
    from {{ ref('int_device_reading') }}
)

select
    sightings.source_system,
    sightings.activity_kind,
    sightings.sighting_id,
    sightings.identifier_kind,
    sightings.happened_at,
    {{ customer_key_or_unknown() }} as customer_key,
    case
        when customers.customer_key is not null then 'known'
        when sightings.identifier_value is null then 'no identifier'
        when customers.customer_count > 1 then 'identifier is shared'
        else 'identifier is unknown'
    end as attribution
from sightings
{{ join_customer('sightings') }}
