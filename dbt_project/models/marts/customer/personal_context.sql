with customers as (
    select customer_key, stated_satisfaction, has_email_marketing_consent
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

-- Every score on one scale, 0 (worst) to 1 (best), so that questions with different scales can be compared.
answers as (
    select
        customer_key,
        answered_at,
        verbatim,
        (score - scale_minimum) / nullif(scale_maximum - scale_minimum, 0) as satisfaction,
        row_number() over (partition by customer_key order by answered_at desc, survey_answer_key desc) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where answered_at < {{ as_of() }} and customer_key > 0 and is_about_satisfaction
),

opinions as (
    select
        customer_key,
        cast(count(*) as int) as opinion_count,
        cast(avg(satisfaction) as double) as average_satisfaction,
        cast(avg(case when newest_rank > 1 then satisfaction end) as double) as earlier_satisfaction,
        max(case when newest_rank = 1 then cast(satisfaction as double) end) as last_satisfaction,
        max(case when newest_rank = 1 then verbatim end) as last_verbatim,
        max(answered_at) as last_opinion_at
    from answers
    group by customer_key
),

product_use as (
    select
        lines.customer_key,
        products.product_id,
        row_number() over (
            partition by lines.customer_key
            order by count(*) desc, sum(lines.net_amount) desc, products.product_id
        ) as product_rank
    from {{ ref('fct_order_line') }} as lines
    inner join {{ ref('dim_product') }} as products on lines.product_key = products.product_key
    where lines.ordered_at < {{ as_of() }} and lines.customer_key > 0 and products.product_key > 0
    group by lines.customer_key, products.product_id
    -- Bought once is bought; only what is bought again is preferred.
    having count(*) > 1
),

purchase_channel_use as (
    select
        lines.customer_key,
        channels.channel,
        row_number() over (
            partition by lines.customer_key
            order by count(*) desc, max(lines.ordered_at) desc, channels.channel
        ) as channel_rank
    from {{ ref('fct_order_line') }} as lines
    inner join {{ ref('dim_channel') }} as channels on lines.channel_key = channels.channel_key
    where lines.ordered_at < {{ as_of() }} and lines.customer_key > 0
    group by lines.customer_key, channels.channel
)

select
    customers.customer_key,
    coalesce(opinions.opinion_count, 0) as opinion_count,
    opinions.average_satisfaction,
    opinions.last_satisfaction,
    opinions.last_satisfaction - opinions.earlier_satisfaction as satisfaction_trend,
    opinions.last_opinion_at,
    opinions.last_verbatim,
    customers.stated_satisfaction,
    case
        when customers.has_email_marketing_consent then 'email'
    end as stated_channel,
    purchase_channel_use.channel as revealed_channel,
    product_use.product_id as revealed_product_id,
    customers.has_email_marketing_consent,
    freshness.fresh_until,
    coalesce(freshness.is_stale, false) as is_stale
from customers
left join opinions on customers.customer_key = opinions.customer_key
left join product_use on customers.customer_key = product_use.customer_key and product_use.product_rank = 1
left join purchase_channel_use
    on customers.customer_key = purchase_channel_use.customer_key and purchase_channel_use.channel_rank = 1
left join {{ ref('context_freshness') }} as freshness on freshness.context = 'personal'
