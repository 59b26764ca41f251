{%- set settings = var('engagement_learning') -%}
with newest as (
    select max(judged_at) as judged_at
    from {{ ref('points_moment') }}
),

drawn as (
    select
        customers.customer_key,
        customers.first_known_at,
        row_number() over (
            order by
                md5(cast(customers.customer_key as {{ dbt.type_string() }}) || ' {{ settings["sample_seed"] }}'),
                customers.customer_key
        ) - 1 as place
    from {{ ref('dim_customer') }} as customers
    inner join newest on customers.first_known_at < newest.judged_at
    {{ join_profiling_gate('customers.customer_key') }}
    where customers.customer_key > 0 and {{ may_be_profiled() }}
)

select
    customer_key,
    first_known_at,
    place
from drawn
where place < {{ settings['most_customers'] }}
