-- Where the records of an old number now belong to several customers, it leads to the customer with most of them.
with counted as (
    select
        history.customer_id as customer_number,
        assignments.customer_id as customer_key,
        count(distinct {{ integer_key(['history.source_system', 'history.source_record_id']) }}) as record_count
    from {{ source('identity', 'assignment_history') }} as history
    inner join {{ source('identity', 'assignment') }} as assignments
        on
            history.source_system = assignments.source_system
            and history.source_record_id = assignments.source_record_id
    group by history.customer_id, assignments.customer_id
),

ranked as (
    select
        customer_number,
        customer_key,
        row_number() over (
            partition by customer_number
            order by case when customer_number = customer_key then 0 else 1 end, record_count desc, customer_key asc
        ) as place
    from counted
)

select
    customer_number,
    customer_key
from ranked
where place = 1
