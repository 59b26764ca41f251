{%- set promises = "('" ~ var('call_back_outcomes') | join("', '") ~ "')" -%}
-- Customers whose last call ended with the promise to call back. A later call that took place,
-- in either direction, keeps the promise.
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
)

select
    customer_key,
    happened_at as promised_at,
    detail
from calls
where
    newest_call_rank = 1
    and outcome in {{ promises }}
