with sightings as (
    select
        source_system,
        'position' as activity_kind,
        position_id as sighting_id,
        device_id,
        identifier_kind,
        identifier_value,
        observed_at as happened_at
    from {{ ref('int_position') }}

    union all

    select
        source_system,
        'reading' as activity_kind,
        reading_id as sighting_id,
        device_id,
        identifier_kind,
        identifier_value,
        read_at as happened_at
    from {{ ref('int_device_reading') }}
),

-- The owner on the record of a product with its serial number.
owners as (
    select
        devices.device_id,
        max(customers.customer_key) as customer_key
    from {{ ref('int_device') }} as devices
    {{ join_customer('devices') }}
    where devices.identifier_value is not null and devices.device_kind = 'product'
    group by devices.device_id
),

shared_devices as (
    select distinct device_id
    from {{ ref('int_device_person') }}
    where is_shared
)

select
    sightings.source_system,
    sightings.activity_kind,
    sightings.sighting_id,
    sightings.identifier_kind,
    sightings.identifier_value,
    sightings.happened_at,
    coalesce(customers.customer_key, owners.customer_key, people.customer_key, -1) as customer_key,
    case
        when customers.customer_key is not null then 'known'
        when owners.customer_key is not null or people.customer_key is not null then 'known by device'
        when sightings.identifier_value is null then 'no identifier'
        when customers.is_shared then 'identifier is shared'
        when shared_devices.device_id is not null then 'device is shared'
        else 'identifier is unknown'
    end as attribution
from sightings
{{ join_customer('sightings') }}
left join owners on sightings.device_id = owners.device_id
left join {{ ref('int_device_person') }} as people
    on
        sightings.device_id = people.device_id
        and sightings.happened_at >= people.known_from
        and sightings.happened_at < people.known_until
left join shared_devices on sightings.device_id = shared_devices.device_id
