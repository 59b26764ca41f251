-- The last position of the day before the as of, and the store nearest to it.
with ranked_stays as (
    select
        *,
        row_number() over (
            partition by customer_key order by last_seen_at desc, arrived_at desc, position_key desc
        ) as newest_rank
    from {{ ref('int_recent_stay') }}
),

last_positions as (
    select * from ranked_stays
    where newest_rank = 1
),

stores as (
    select
        location_key,
        title,
        latitude,
        longitude
    from {{ ref('dim_location') }}
    where location_kind = 'store' and latitude is not null and longitude is not null
),

store_distances as (
    select
        last_positions.customer_key,
        stores.title,
        {{ distance_metres(
            'last_positions.latitude', 'last_positions.longitude', 'stores.latitude', 'stores.longitude'
        ) }}
            as metres,
        stores.location_key
    from last_positions
    cross join stores
    where last_positions.latitude is not null
),

near_stores as (
    select
        customer_key,
        title,
        metres,
        row_number() over (partition by customer_key order by metres asc, location_key asc) as nearness_rank
    from store_distances
)

select
    last_positions.customer_key,
    last_positions.last_seen_at,
    last_positions.accuracy_metres,
    near_stores.title as nearest_store,
    near_stores.metres as nearest_store_metres
from last_positions
left join near_stores on last_positions.customer_key = near_stores.customer_key and near_stores.nearness_rank = 1
