select
    customer_key,
    need,
    {{ as_of() }} as as_of,
    need_rank,
    title,
    signal,
    seen_at,
    evidence,
    action,
    is_profile
from {{ ref('int_customer_need') }}
