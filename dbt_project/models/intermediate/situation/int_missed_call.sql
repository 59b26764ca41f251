-- Unanswered calls of each customer since their last contact about service.
with missed as (
    select
        calls.customer_key,
        count(*) as call_count,
        min(calls.happened_at) as first_called_at,
        max(calls.happened_at) as last_called_at
    from {{ ref('int_known_interaction') }} as calls
    left join {{ ref('int_last_service') }} as services on calls.customer_key = services.customer_key
    where
        calls.touchpoint = 'call_inbound'
        and not calls.took_place
        and (services.last_contacted_at is null or services.last_contacted_at < calls.happened_at)
    group by calls.customer_key
)

select
    customer_key,
    last_called_at,
    case when call_count > 1 then first_called_at end as first_called_at
from missed
