with ranks as (
    select * from {{ source('perception', 'customer_influence') }}
)

select
    ranks.customer_key,
    {{ profiled('ranks.pagerank') }} as pagerank,
    {{ profiled('ranks.influence_percentile') }} as influence_percentile,
    ranks.referral_count,
    {{ profiled('ranks.follower_count') }} as follower_count
from ranks
{{ join_profiling_gate('ranks.customer_key') }}
