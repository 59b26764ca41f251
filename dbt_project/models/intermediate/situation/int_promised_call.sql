{%- set promises = "('" ~ var('call_back_outcomes') | join("', '") ~ "')" -%}
-- Customers whose last call ended with the promise to call back. A later call that took place, in either direction,
-- keeps the promise. A promise belongs to the complaints that were open at the call or were opened soon after it; when
-- the last of them is resolved, nothing is left to call about.
with calls as (
    select
        customer_key,
        happened_at,
        detail,
        lower(outcome) as outcome,
        row_number() over (
            partition by customer_key order by happened_at desc, interaction_key desc
        ) as newest_call_rank
    from {{ ref('int_known_interaction') }}
    where touchpoint in ('call_inbound', 'call_outbound') and took_place
),

promised as (
    select
        customer_key,
        happened_at as promised_at,
        detail
    from calls
    where
        newest_call_rank = 1
        and outcome in {{ promises }}
),

settled as (
    select promised.customer_key
    from promised
    inner join {{ ref('fct_complaint') }} as complaints on promised.customer_key = complaints.customer_key
    where
        complaints.opened_at < {{ as_of() }}
        and (
            {{ is_open_at('complaints', 'promised.promised_at') }}
            or (
                complaints.opened_at >= promised.promised_at
                and complaints.opened_at
                <= {{ dbt.dateadd('hour', var('complaint_call_hours'), 'promised.promised_at') }}
            )
        )
    group by promised.customer_key
    having max(case when {{ is_open_at('complaints', as_of()) }} then 1 else 0 end) = 0
)

select
    promised.customer_key,
    promised.promised_at,
    promised.detail
from promised
left join settled on promised.customer_key = settled.customer_key
where settled.customer_key is null
