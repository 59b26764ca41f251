-- The first purchase of each product line, and of any, within 90 days after each moment, as far as the as of knows, of
-- customers who were known before it: purchases of others could not be predicted.
with known as (
    {{ known_customers(ref('prediction_moment')) }}
),

purchases as (
    select
        bought.customer_key,
        bought.product_line,
        channels.channel,
        bought.bought_at
    from ({{ line_purchases() }}) as bought
    inner join {{ ref('dim_channel') }} as channels on bought.channel_key = channels.channel_key
)

select
    purchases.customer_key,
    known.moment,
    purchases.product_line,
    min(purchases.bought_at) as bought_at,
    min(purchases.bought_at) < {{ dbt.dateadd('day', 30, 'known.moment') }} as is_within_30d,
    {{ first_by('purchases.channel', 'purchases.bought_at') }} as channel
from purchases
inner join known
    on
        purchases.customer_key = known.customer_key
        and purchases.bought_at >= known.moment
        and purchases.bought_at < {{ dbt.dateadd('day', 90, 'known.moment') }}
group by purchases.customer_key, known.moment, purchases.product_line
