with ranks as (
    select * from {{ source('perception', 'customer_influence') }}
)

select
    customer_key,
    pagerank,
    influence_percentile,
    referral_count,
    follower_count
from ranks
