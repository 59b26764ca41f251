{%- set bounds = [0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000,
    2000000, 5000000] -%}
-- Bands of 1, 2 and 5 times a power of ten: values are spread over several of these.
with bands as (
    {%- for least in bounds %}
        select
            cast({{ least }} as double) as least_amount,
            cast({{ 'null' if loop.last else bounds[loop.index] }} as double) as upper_amount
        {%- if not loop.last %}

            union all
        {%- endif %}
    {%- endfor %}
)

select
    valued.currency,
    bands.least_amount,
    bands.upper_amount,
    count(*) as customer_count
from {{ ref('customer_value') }} as valued
inner join bands
    on
        valued.expected_value_12m_amount >= bands.least_amount
        and (bands.upper_amount is null or valued.expected_value_12m_amount < bands.upper_amount)
group by valued.currency, bands.least_amount, bands.upper_amount
