with valued as (
    select
        currency,
        expected_value_12m_amount,
        expected_purchases_12m,
        row_number() over (partition by currency order by expected_value_12m_amount desc) as place,
        count(*) over (partition by currency) as customer_count
    from {{ ref('customer_value') }}
    where expected_value_12m_amount is not null
)

select
    currency,
    count(*) as customer_count,
    cast(sum(expected_value_12m_amount) as double) as expected_amount,
    {{ steady('sum(expected_purchases_12m)') }} as expected_purchases,
    cast(sum(case when place <= ceil(customer_count / 10.0) then expected_value_12m_amount end) as double)
        as top_tenth_amount
from valued
group by currency
