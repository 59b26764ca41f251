with buyers as (
    select distinct
        moments.place as moment,
        customers.place as customer
    from ({{ customer_payments() }}) as payments
    inner join {{ ref('points_customer') }} as customers on payments.customer_key = customers.customer_key
    inner join {{ ref('points_moment') }} as moments
        on payments.paid_at >= moments.judged_at and payments.paid_at < moments.judged_until
    where payments.is_purchase
)

select
    moments.place as moment,
    customers.place as customer,
    buyers.customer is not null as has_bought,
    row_number() over (order by moments.place, customers.place) - 1 as place
from {{ ref('points_moment') }} as moments
inner join {{ ref('points_customer') }} as customers on moments.judged_at > customers.first_known_at
left join buyers on moments.place = buyers.moment and customers.place = buyers.customer
