with offers_made as (
    select
        made.*,
        customers.customer_key,
        offers.offer_key,
        offers.product_key,
        coalesce(offers.names_products, false) as names_products,
        campaigns.product_line as campaign_product_line,
        -- From its first day on, and not before it was made; held-out customers from its first day on.
        greatest(
            coalesce(made.made_at, cast(offers.valid_from as timestamp)),
            coalesce(cast(offers.valid_from as timestamp), made.made_at)
        ) as could_use_from,
        cast(offers.valid_to as timestamp) as could_use_to
    from {{ ref('int_offer_made') }} as made
    left join {{ ref('dim_offer') }} as offers on made.offer_id = offers.offer_id
    left join {{ ref('dim_campaign') }} as campaigns on made.campaign_id = campaigns.campaign_id
    {{ join_customer('made') }}
),

purchases as (
    select
        customers.customer_key,
        products.product_key,
        products.product_line,
        order_lines.ordered_at
    from {{ ref('int_order_line') }} as order_lines
    left join {{ ref('dim_product') }} as products on order_lines.product_id = products.product_id
    {{ join_customer('order_lines') }}
    where order_lines.line_kind = 'purchase' and customers.customer_key is not null
),

-- Taken up is what the offer is about: its products, else the product line of its campaign, else any purchase.
first_purchases as (
    select
        offers_made.source_system,
        offers_made.offer_made_id,
        min(purchases.ordered_at) as bought_at
    from offers_made
    inner join purchases on offers_made.customer_key = purchases.customer_key
    left join {{ ref('bridge_offer_product') }} as offered
        on offers_made.offer_key = offered.offer_key and purchases.product_key = offered.product_key
    where
        purchases.ordered_at >= offers_made.could_use_from
        and (purchases.ordered_at < offers_made.could_use_to or offers_made.could_use_to is null)
        and case
            when offers_made.names_products then offered.offer_key is not null
            when offers_made.campaign_product_line is not null
                then offers_made.campaign_product_line = purchases.product_line
            else true
        end
    group by offers_made.source_system, offers_made.offer_made_id
)

select
    {{ integer_key(['made.source_system', 'made.offer_made_id']) }} as offer_made_key,
    coalesce(made.customer_key, -1) as customer_key,
    {{ member_key('made.campaign_id') }} as campaign_key,
    coalesce(made.offer_key, -1) as offer_key,
    {{ member_key('made.content_id') }} as content_key,
    coalesce(made.product_key, -1) as product_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ date_key('made.made_at') }} as made_date_key,
    made.is_holdout,
    made.made_at,
    made.coupon_code,
    made.opened_at,
    made.clicked_at,
    made.replied_at,
    made.redeemed_at,
    -- A coupon used on an order without a known customer is a purchase, too; effects of campaigns leave it out.
    coalesce(first_purchases.bought_at, made.redeemed_at) as bought_at,
    made.reaction,
    made.reacted_at,
    made.source_system,
    made.offer_made_id as source_offer_made_id
from offers_made as made
left join first_purchases
    on made.source_system = first_purchases.source_system and made.offer_made_id = first_purchases.offer_made_id
left join {{ ref('channels') }} as channels on made.channel = channels.channel
