-- The currency in which amounts are added up: the one that the catalog states, or else that of most orders and bookings.
with counted as (
    select
        currency,
        count(*) as row_count
    from (
        select currency from {{ ref('int_order_line') }}

        union all

        select currency from {{ ref('int_booking') }}
    ) as amounts
    where currency is not null
    group by currency
),

usual as (
    select currency
    from counted
    order by row_count desc, currency asc
    limit 1
)

{% if var('reporting_currency') -%}
select '{{ var("reporting_currency") }}' as currency
{%- else -%}
select currency from usual
{%- endif %}
