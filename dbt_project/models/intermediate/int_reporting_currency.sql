{{ config(materialized='table') }}

-- The currency in which amounts are added up: what the catalog states, or else that of most orders and bookings.
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
    select
        currency,
        row_number() over (order by row_count desc, currency asc) as place
    from counted
),

-- An aggregate without groups has one row, also before anything was paid.
chosen as (
    select
        coalesce(
            nullif('{{ var("reporting_currency") }}', ''),
            max(currency)
        ) as currency
    from usual
    where place = 1
)

select currency
from chosen
where currency is not null
