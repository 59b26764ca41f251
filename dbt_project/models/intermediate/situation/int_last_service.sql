-- The last contact about service of each customer before the as of, and when service was last done.
select
    customer_key,
    max(contacted_at) as last_contacted_at,
    max(case when is_service_done then contacted_at end) as last_done_at
from {{ ref('int_service_contact') }}
group by customer_key
