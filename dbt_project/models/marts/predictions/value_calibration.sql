with ordered as (
    select
        *,
        ntile(10) over (
            partition by origin, model_version, basis, horizon_days, as_of order by expected_purchases, customer_key
        ) as decile
    from {{ ref('value_outcome') }}
)

select
    origin,
    model_version,
    as_of,
    horizon_days,
    cast(decile as int) as decile,
    count(*) as customer_count,
    {{ steady('avg(expected_purchases)') }} as expected_purchases,
    avg(made_purchases) as made_purchases
from ordered
where basis = 'model'
group by origin, model_version, as_of, horizon_days, decile
