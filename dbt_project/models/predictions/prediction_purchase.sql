-- The first purchase of each product line within 90 days after each moment, as far as the as of knows, of customers who
-- were known before it: nobody could have foreseen those of others.
with known as (
    {{ known_customers(ref('prediction_moment')) }}
),

purchases as (
    select
        bridge.customer_key,
        bridge.product_line,
        channels.channel,
        bridge.happened_at
    from {{ ref('bridge_interaction_product_line') }} as bridge
    inner join {{ ref('dim_channel') }} as channels on bridge.channel_key = channels.channel_key
    where
        bridge.customer_key > 0
        and bridge.purchase_amount is not null
        and bridge.product_line <> 'unknown'
        and bridge.happened_at < {{ as_of() }}
)

select
    purchases.customer_key,
    known.moment,
    purchases.product_line,
    min(purchases.happened_at) as bought_at,
    min(purchases.happened_at) < {{ dbt.dateadd('day', 30, 'known.moment') }} as is_within_30d,
    min_by(purchases.channel, purchases.happened_at) as channel
from purchases
inner join known
    on
        purchases.customer_key = known.customer_key
        and purchases.happened_at >= known.moment
        and purchases.happened_at < {{ dbt.dateadd('day', 90, 'known.moment') }}
group by purchases.customer_key, known.moment, purchases.product_line
