-- A coupon belongs to an order. It is credited with the lines that it is for and whose price it lowered.
with used as (
    select
        selling_system,
        order_id,
        order_line_id,
        coupon_code,
        offer_id,
        campaign_id
    from {{ ref('int_used_coupon') }}
    where selling_system is not null and offer_id is not null

    union

    -- What the order itself says, line by line.
    select
        source_system as selling_system,
        order_id,
        order_line_id,
        coupon_code,
        offer_id,
        campaign_id
    from {{ ref('int_order_line') }}
    where offer_id is not null
),

credited as (
    select
        lines.source_system,
        lines.order_id,
        lines.order_line_id,
        offers.offer_key,
        min(used.coupon_code) as coupon_code,
        min(used.campaign_id) as campaign_id,
        min(case when offered.is_named_itself then 1 when offers.names_products then 2 else 3 end) as offer_scope
    from {{ ref('int_order_line') }} as lines
    inner join used
        on
            lines.source_system = used.selling_system
            and lines.order_id = used.order_id
            and (used.order_line_id is null or lines.order_line_id = used.order_line_id)
    inner join {{ ref('dim_offer') }} as offers on used.offer_id = offers.offer_id
    left join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
    left join {{ ref('bridge_offer_product') }} as offered
        on offers.offer_key = offered.offer_key and products.product_key = offered.product_key
    where
        (offered.offer_key is not null or not offers.names_products)
        and case
            when lines.coupon_discount_amount is not null or lines.manufacturer_discount_amount is not null
                then lines.coupon_discount_amount <> 0 or lines.manufacturer_discount_amount <> 0
            else lines.discount_amount <> 0 or lines.discount_amount is null
        end
    group by lines.source_system, lines.order_id, lines.order_line_id, offers.offer_key
)

select
    {{ integer_key(['source_system', 'order_id', 'order_line_id']) }} as order_line_key,
    offer_key,
    {{ integer_key(['source_system', 'order_id']) }} as interaction_key,
    {{ member_key('campaign_id') }} as campaign_key,
    coupon_code,
    -- The offer that names the product itself is the offer of the line.
    row_number() over (
        partition by source_system, order_id, order_line_id order by offer_scope, coupon_code, offer_key
    ) as offer_number,
    source_system,
    order_id as source_order_id,
    order_line_id as source_order_line_id
from credited
