{%- set settings = var('engagement_learning') -%}
-- Months are those of UTC, as in customer_stage.
with known as (
    select min(bought_at) as first_at
    from (
        select ordered_at as bought_at
        from {{ ref('fct_order_line') }}
        where line_kind = 'purchase' and ordered_at < {{ as_of() }}

        union all

        select started_at as bought_at
        from {{ ref('fct_booking') }}
        where started_at < {{ as_of() }}
    ) as purchases
),

starts as (
    select
        cast(dates.calendar_date as timestamp) as judged_at,
        cast({{ dbt.dateadd('day', settings['outcome_days'], 'dates.calendar_date') }} as timestamp) as judged_until
    from {{ ref('dim_date') }} as dates
    inner join known
        on dates.calendar_date >= {{ dbt.dateadd('day', settings['least_history_days'], 'known.first_at') }}
    where
        extract(day from dates.calendar_date) = 1
        and {{ dbt.dateadd('day', settings['outcome_days'], 'dates.calendar_date') }} <= {{ as_of() }}
),

newest as (
    select
        *,
        row_number() over (order by judged_at desc) as place_from_end
    from starts
)

select
    judged_at,
    judged_until,
    row_number() over (order by judged_at) - 1 as place
from newest
where place_from_end <= {{ settings['most_moments'] }}
