with locations as (
    {{ named_members('location') }}
),

described as (
    select
        location_id,
        {{ described_as('location_kind') }} as location_kind,
        {{ described_as('parent_location_id') }} as parent_location_id,
        {{ described_as('title') }} as title,
        {{ described_as('city') }} as city,
        {{ described_as('country') }} as country,
        {{ described_as('latitude') }} as latitude,
        {{ described_as('longitude') }} as longitude
    from {{ ref('int_location') }}
    group by location_id
)

-- A zone has the coordinates of its store.
select
    locations.member_key as location_key,
    locations.member_id as location_id,
    described.location_kind,
    described.title,
    case
        when described.parent_location_id is null then locations.member_key
        else {{ dimension_key(['described.parent_location_id']) }}
    end as site_location_key,
    coalesce(sites.title, described.title) as site_title,
    coalesce(described.city, sites.city) as city,
    coalesce(described.country, sites.country) as country,
    coalesce(described.latitude, sites.latitude) as latitude,
    coalesce(described.longitude, sites.longitude) as longitude,
    described.location_id is not null as is_described
from locations
left join described on locations.member_id = described.location_id
left join described as sites on described.parent_location_id = sites.location_id
