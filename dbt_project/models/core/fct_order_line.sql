with coupons_used as (
    select
        order_id,
        min(coupon_code) as coupon_code,
        min(offer_id) as offer_id,
        min(campaign_id) as campaign_id
    from {{ ref('int_coupon_redemption') }}
    group by order_id
),

order_lines as (
    select
        delivered.*,
        coalesce(delivered.coupon_code, coupons_used.coupon_code) as used_coupon_code,
        coalesce(delivered.offer_id, coupons_used.offer_id) as used_offer_id,
        coalesce(delivered.campaign_id, coupons_used.campaign_id) as led_by_campaign_id
    from {{ ref('int_order_line') }} as delivered
    left join coupons_used on delivered.order_id = coupons_used.order_id
),

-- Where a till delivers no cost, the present cost in the same currency is close enough.
costed as (
    select
        order_lines.*,
        products.product_key,
        products.product_line,
        coalesce(
            order_lines.cost_amount,
            case
                when products.currency = order_lines.currency
                    then cast(order_lines.quantity * products.cost_amount as decimal(18, 6))
            end
        ) as known_cost_amount
    from order_lines
    left join {{ ref('dim_product') }} as products on order_lines.product_id = products.product_id
)

select
    {{ integer_key(['lines.source_system', 'lines.order_id', 'lines.order_line_id']) }}
        as order_line_key,
    {{ integer_key(['lines.source_system', 'lines.order_id']) }} as interaction_key,
    case
        when lines.original_order_id is not null
            then {{ integer_key(['lines.source_system', 'lines.original_order_id']) }}
    end as returned_interaction_key,
    {{ customer_key_or_unknown() }} as customer_key,
    coalesce(lines.product_key, -1) as product_key,
    {{ member_key('lines.led_by_campaign_id') }} as campaign_key,
    -- A coupon belongs to the order; its offer applies to the discounted lines that it is for.
    case
        when
            offers.offer_key is not null
            and (lines.discount_amount <> 0 or lines.discount_amount is null)
            and (offers.product_key < 0 or offers.product_key = lines.product_key)
            and (offers.product_line is null or offers.product_key > 0 or offers.product_line = lines.product_line)
            then offers.offer_key
        else -2
    end as offer_key,
    coalesce(touchpoints.touchpoint_key, -1) as touchpoint_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ member_key('lines.location_id') }} as location_key,
    {{ member_key('lines.device_id') }} as device_key,
    {{ date_key('lines.ordered_at') }} as ordered_date_key,
    lines.ordered_at,
    lines.line_kind,
    lines.return_reason,
    lines.used_coupon_code as coupon_code,
    lines.quantity,
    lines.gross_amount,
    lines.discount_amount,
    lines.net_amount,
    lines.known_cost_amount as cost_amount,
    cast(lines.net_amount - lines.known_cost_amount as decimal(18, 6)) as margin_amount,
    lines.cost_amount is null and lines.known_cost_amount is not null as is_cost_estimated,
    lines.currency,
    rates.rate as reporting_rate,
    {{ in_reporting_currency('lines.net_amount', 'rates.rate') }} as reporting_net_amount,
    lines.source_system,
    lines.order_id as source_order_id,
    lines.order_line_id as source_order_line_id
from costed as lines
{{ join_exchange_rate('lines', 'ordered_at') }}
{{ join_customer('lines') }}
left join {{ ref('dim_offer') }} as offers on lines.used_offer_id = offers.offer_id
left join {{ ref('touchpoints') }} as touchpoints on lines.touchpoint = touchpoints.touchpoint
left join {{ ref('channels') }} as channels on touchpoints.channel = channels.channel
