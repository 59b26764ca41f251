{%- set pause_seconds = var('situation').in_store_minutes * 60 %}
-- The last store visit of the day before the as of: what the beacons of one store saw without a long pause. Its zone is
-- the one of the last sighting.
with beacon_stays as (
    select
        *,
        case
            when
                site_location_key = lag(site_location_key) over earlier
                and {{ dbt.datediff('lag(last_seen_at) over earlier', 'arrived_at', 'second') }} <= {{ pause_seconds }}
                then 0
            else 1
        end as begins_visit
    from {{ ref('int_recent_stay') }}
    where position_kind = 'beacon'
    window earlier as (partition by customer_key order by arrived_at, position_key)
),

numbered_visits as (
    select
        *,
        sum(begins_visit) over (
            partition by customer_key
            order by arrived_at, position_key
            rows between unbounded preceding and current row
        ) as visit_number,
        row_number() over (partition by customer_key order by arrived_at desc, position_key desc) as newest_rank
    from beacon_stays
)

select
    customer_key,
    max(case when newest_rank = 1 then site_title end) as store,
    max(case when newest_rank = 1 then title end) as zone,
    min(arrived_at) as arrived_at,
    max(last_seen_at) as last_seen_at,
    cast({{ dbt.datediff('min(arrived_at)', 'max(last_seen_at)', 'second') }} as bigint) as dwell_seconds,
    cast({{ dbt.datediff(
        'max(case when newest_rank = 1 then arrived_at end)',
        'max(case when newest_rank = 1 then last_seen_at end)',
        'second'
    ) }} as bigint) as zone_dwell_seconds,
    {{ dbt.datediff('max(last_seen_at)', as_of(), 'second') }} <= {{ pause_seconds }} as is_there
from numbered_visits
group by customer_key, visit_number
having min(newest_rank) = 1
