{{ config(materialized='table') }}

-- One row per currency and period: what one unit is worth in the reporting currency. A rate in the other direction
-- serves where there is none; a rate of the seed counts before one that a system delivers. A rate outside of what the
-- column can hold, which has six digits before the decimal point, is no rate.
with stated as (
    select
        from_currency,
        to_currency,
        cast(valid_from as timestamp) as valid_from,
        rate,
        1 as precedence
    from {{ ref('exchange_rates') }}

    union all

    select
        from_currency,
        to_currency,
        valid_from,
        rate,
        2 as precedence
    from {{ ref('int_delivered_exchange_rate') }}
),

oriented as (
    select
        stated.from_currency as currency,
        stated.valid_from,
        cast(stated.rate as decimal(18, 12)) as rate,
        stated.precedence
    from stated
    inner join {{ ref('int_reporting_currency') }} as reporting on stated.to_currency = reporting.currency
    where stated.from_currency <> stated.to_currency and stated.rate > 0

    union all

    select
        stated.to_currency as currency,
        stated.valid_from,
        cast(1 / cast(case when stated.rate > 0.000001 then stated.rate end as double) as decimal(18, 12)) as rate,
        stated.precedence + 2 as precedence
    from stated
    inner join {{ ref('int_reporting_currency') }} as reporting on stated.from_currency = reporting.currency
    where stated.from_currency <> stated.to_currency and stated.rate > 0.000001
),

ranked as (
    select
        currency,
        valid_from,
        rate,
        row_number() over (partition by currency, valid_from order by precedence, rate) as place
    from oriented
)

select
    currency,
    valid_from,
    coalesce(
        lead(valid_from) over (partition by currency order by valid_from), cast('9999-12-31 00:00:00' as timestamp)
    ) as valid_to,
    rate
from ranked
where place = 1

union all

select
    currency,
    cast('0001-01-01 00:00:00' as timestamp) as valid_from,
    cast('9999-12-31 00:00:00' as timestamp) as valid_to,
    cast(1 as decimal(18, 12)) as rate
from {{ ref('int_reporting_currency') }}
