{%- set settings = var('prediction') -%}
-- The first day of each month: whichever night asks, the same moments come out, so that what one training has seen can
-- be separated from what the next one sees. Longer horizons take every third of them: no purchase is learned from
-- twice.
with begun as (
    select {{ dbt.dateadd('day', settings['least_history_days'], 'min(ordered_at)') }} as first_moment
    from {{ ref('fct_order_line') }}
    where customer_key > 0 and ordered_at < {{ as_of() }}
),

months as (
    select cast(dates.calendar_date as timestamp) as moment
    from {{ ref('dim_date') }} as dates
    inner join begun on dates.calendar_date >= begun.first_moment
    where
        extract(day from dates.calendar_date) = 1
        and {{ dbt.dateadd('day', 30, 'dates.calendar_date') }} <= {{ as_of() }}
),

numbered as (
    select
        moment,
        {{ dbt.dateadd('day', 90, 'moment') }} <= {{ as_of() }} as is_known_90d,
        row_number() over (order by moment desc) as place,
        row_number() over (
            partition by {{ dbt.dateadd('day', 90, 'moment') }} <= {{ as_of() }} order by moment desc
        ) as place_of_kind
    from months
)

select
    moment,
    true as is_for_30d,
    is_known_90d and mod(place_of_kind, 3) = 1 as is_for_90d
from numbered
where place <= {{ settings['training_months'] }}
