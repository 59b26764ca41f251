-- Stays at a place that reach into the day before the as of. A stay that is not over is known up to the as of.
select
    positions.customer_key,
    positions.position_key,
    positions.position_kind,
    positions.arrived_at,
    least(positions.left_at, {{ as_of() }}) as last_seen_at,
    coalesce(positions.latitude, locations.latitude) as latitude,
    coalesce(positions.longitude, locations.longitude) as longitude,
    positions.accuracy_metres,
    locations.title,
    locations.site_location_key,
    locations.site_title
from {{ ref('fct_position') }} as positions
left join {{ ref('dim_location') }} as locations on positions.location_key = locations.location_key
where
    positions.customer_key > 0
    and positions.arrived_at < {{ as_of() }}
    and positions.left_at >= {{ situation_begins_at() }}
