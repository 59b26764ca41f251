with days as (
    {{ dbt.date_spine(
        'day',
        "cast('" ~ var('calendar').first_day ~ "' as date)",
        "cast('" ~ var('calendar').end_before ~ "' as date)"
    ) }}
)

select
    cast(extract(year from date_day) * 10000 + extract(month from date_day) * 100 + extract(day from date_day) as int)
        as date_key,
    cast(date_day as date) as calendar_date,
    cast(extract(year from date_day) as int) as calendar_year,
    cast(extract(quarter from date_day) as int) as calendar_quarter,
    cast(extract(month from date_day) as int) as calendar_month,
    cast({{ iso_weekday('date_day') }} as int) as iso_weekday,
    {{ iso_weekday('date_day') }} >= 6 as is_weekend
from days

union all

select
    -1 as date_key,
    cast(null as date) as calendar_date,
    cast(null as int) as calendar_year,
    cast(null as int) as calendar_quarter,
    cast(null as int) as calendar_month,
    cast(null as int) as iso_weekday,
    cast(null as boolean) as is_weekend
