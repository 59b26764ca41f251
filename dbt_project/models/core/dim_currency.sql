-- The newest rate of a currency is that of the as of.
select
    currencies.currency,
    currencies.title,
    reporting.currency is not null as is_reporting,
    rates.rate as reporting_rate
from {{ ref('currencies') }} as currencies
left join {{ ref('int_reporting_currency') }} as reporting on currencies.currency = reporting.currency
left join {{ ref('int_exchange_rate') }} as rates
    on
        currencies.currency = rates.currency
        and rates.valid_from < {{ as_of() }}
        and rates.valid_to >= {{ as_of() }}
