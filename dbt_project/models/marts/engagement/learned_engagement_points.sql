select
    learned.version,
    learned.learned_as_of,
    cast(learned.version as {{ dbt.type_string() }}) = '{{ var("engagement_points_version") }}' as is_in_use,
    learned.touchpoint,
    touchpoints.title,
    touchpoints.channel,
    learned.set_points,
    learned.learned_points,
    learned.exchanges as exchange_count,
    learned.standard_error
from {{ source('engagement_points', 'learned_points') }} as learned
left join {{ ref('dim_touchpoint') }} as touchpoints on learned.touchpoint = touchpoints.touchpoint
