-- The first purchase of each product line within 90 days after each moment, as far as the as of knows.
with purchases as (
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
    moments.moment,
    purchases.product_line,
    min(purchases.happened_at) as bought_at,
    min(purchases.happened_at) < {{ dbt.dateadd('day', 30, 'moments.moment') }} as is_within_30d,
    min_by(purchases.channel, purchases.happened_at) as channel
from purchases
inner join {{ ref('prediction_moment') }} as moments
    on
        purchases.happened_at >= moments.moment
        and purchases.happened_at < {{ dbt.dateadd('day', 90, 'moments.moment') }}
group by purchases.customer_key, moments.moment, purchases.product_line
