{{ config(materialized='table') }}

-- The single row of the reporting currency is missing where nothing was ever paid.
with amounts as (
    select
        source_system,
        'order_line' as canonical_stream,
        currency,
        ordered_at as paid_at,
        net_amount
    from {{ ref('int_order_line') }}

    union all

    select
        source_system,
        'booking' as canonical_stream,
        currency,
        started_at as paid_at,
        net_amount
    from {{ ref('int_booking') }}
)

select
    amounts.source_system,
    amounts.canonical_stream,
    amounts.currency,
    reporting.currency as reporting_currency,
    count(*) as row_count,
    cast(sum(amounts.net_amount) as decimal(38, 6)) as net_amount,
    min(amounts.paid_at) as first_paid_at,
    max(amounts.paid_at) as last_paid_at
from amounts
inner join {{ ref('int_reporting_currency') }} as reporting on 1 = 1
{{ join_exchange_rate('amounts', 'paid_at') }}
where amounts.net_amount is not null and {{ in_reporting_currency('amounts.net_amount', 'rates.rate') }} is null
group by amounts.source_system, amounts.canonical_stream, amounts.currency, reporting.currency
