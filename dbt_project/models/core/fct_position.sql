{%- set limits = var('stays') -%}
with sightings as (
    select
        *,
        coalesce(device_id, identifier_kind || '|' || identifier_value, position_id) as whose
    from {{ ref('int_position') }}
),

steps as (
    select -1 as step
    union all
    select 0 as step
    union all
    select 1 as step
),

-- Every place is listed in its own grid cell and the eight around it: an equi-join on cells finds what is near.
known_places as (
    select
        locations.location_key,
        locations.latitude,
        locations.longitude,
        {{ grid_cell('locations.latitude') }} + rows_apart.step as grid_row,
        {{ grid_cell('locations.longitude') }} + columns_apart.step as grid_column
    from {{ ref('dim_location') }} as locations
    cross join steps as rows_apart
    cross join steps as columns_apart
    where
        locations.latitude is not null and locations.longitude is not null
        and locations.site_location_key = locations.location_key
),

near_places as (
    select
        sightings.source_system,
        sightings.position_id,
        known_places.location_key,
        {{ distance_metres(
            'sightings.latitude', 'sightings.longitude', 'known_places.latitude', 'known_places.longitude'
        ) }} as distance_metres
    from sightings
    inner join known_places
        on
            {{ grid_cell('sightings.latitude') }} = known_places.grid_row
            and {{ grid_cell('sightings.longitude') }} = known_places.grid_column
    where sightings.latitude is not null and sightings.longitude is not null
),

nearest_places as (
    select
        source_system,
        position_id,
        min_by(location_key, distance_metres) as location_key,
        min(distance_metres) as distance_metres
    from near_places
    where distance_metres <= {{ limits.near_metres }}
    group by source_system, position_id
),

placed as (
    select
        sightings.*,
        case
            when sightings.location_id is not null then {{ dimension_key(['sightings.location_id']) }}
            else coalesce(nearest_places.location_key, -2)
        end as location_key,
        case when sightings.location_id is null then nearest_places.distance_metres end as distance_metres
    from sightings
    left join nearest_places
        on
            sightings.source_system = nearest_places.source_system
            and sightings.position_id = nearest_places.position_id
),

in_order as (
    select
        *,
        lag(observed_at) over (
            partition by source_system, whose order by observed_at, position_id
        ) as previous_observed_at,
        lag(location_key) over (
            partition by source_system, whose order by observed_at, position_id
        ) as previous_location_key,
        lag(latitude) over (partition by source_system, whose order by observed_at, position_id) as previous_latitude,
        lag(longitude) over (partition by source_system, whose order by observed_at, position_id) as previous_longitude,
        lead(observed_at) over (partition by source_system, whose order by observed_at, position_id) as next_observed_at
    from placed
),

marked as (
    select
        *,
        case
            when previous_observed_at is null then 1
            when
                {{ dbt.datediff('previous_observed_at', 'observed_at', 'second') }} > {{ limits.gap_minutes * 60 }}
                then 1
            when location_key <> previous_location_key then 1
            when
                location_key = -2
                and {{ distance_metres('latitude', 'longitude', 'previous_latitude', 'previous_longitude') }}
                > greatest({{ limits.moved_metres }}, coalesce(accuracy_metres, 0))
                then 1
            else 0
        end as begins_stay
    from in_order
),

numbered as (
    select
        *,
        sum(begins_stay) over (
            partition by source_system, whose
            order by observed_at, position_id
            rows between unbounded preceding and current row
        ) as stay_number
    from marked
),

stays as (
    select
        source_system,
        max(case when begins_stay = 1 then position_id end) as first_position_id,
        min(position_kind) as position_kind,
        min(device_id) as device_id,
        min(identifier_kind) as identifier_kind,
        min(identifier_value) as identifier_value,
        min(location_key) as location_key,
        min(distance_metres) as distance_metres,
        avg(cast(latitude as decimal(12, 8))) as latitude,
        avg(cast(longitude as decimal(12, 8))) as longitude,
        cast(max(accuracy_metres) as int) as accuracy_metres,
        min(observed_at) as arrived_at,
        max(observed_at) as last_seen_at,
        max(next_observed_at) as next_seen_at,
        count(*) as sighting_count
    from numbered
    group by source_system, whose, stay_number
),

-- Beacons cover a place: a person seen by the next one a little later was here until then. Coordinates leave that open.
ended as (
    select
        *,
        case
            when
                position_kind = 'beacon'
                and {{ dbt.datediff('last_seen_at', 'next_seen_at', 'second') }} <= {{ limits.gap_minutes * 60 }}
                then next_seen_at
            else last_seen_at
        end as left_at
    from stays
)

select
    {{ integer_key(['stays.source_system', 'stays.first_position_id']) }} as position_key,
    -- The only person who signs in on the device, in the time that it counts as theirs.
    coalesce(customers.customer_key, people.customer_key, -1) as customer_key,
    {{ member_key('stays.device_id') }} as device_key,
    stays.location_key,
    {{ date_key('stays.arrived_at') }} as arrived_date_key,
    stays.arrived_at,
    stays.left_at,
    cast({{ dbt.datediff('stays.arrived_at', 'stays.left_at', 'second') }} as bigint) as dwell_seconds,
    stays.position_kind,
    stays.latitude,
    stays.longitude,
    stays.accuracy_metres,
    stays.distance_metres,
    cast(stays.sighting_count as int) as sighting_count,
    stays.source_system
from ended as stays
{{ join_customer('stays') }}
left join {{ ref('int_device_person') }} as people
    on
        stays.device_id = people.device_id
        and stays.arrived_at >= people.known_from
        and stays.arrived_at < people.known_until
