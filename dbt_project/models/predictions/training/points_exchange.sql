select
    examples.place as example_place,
    touchpoints.place as touchpoint_place,
    cast(
        sum({{ decayed('1', dbt.datediff('facts.happened_at', 'moments.judged_at', 'day')) }}) as double
    ) as exchanges
from {{ ref('fct_interaction') }} as facts
inner join {{ ref('points_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
inner join {{ ref('points_customer') }} as customers on facts.customer_key = customers.customer_key
inner join {{ ref('points_moment') }} as moments on facts.happened_at < moments.judged_at
inner join {{ ref('points_example') }} as examples
    on moments.place = examples.moment and customers.place = examples.customer
-- What did not take place earns no points.
where facts.took_place
group by examples.place, touchpoints.place
