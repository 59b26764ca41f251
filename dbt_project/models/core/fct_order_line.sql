with order_lines as (
    select
        delivered.*,
        coalesce(delivered.coupon_code, coupons_used.coupon_code) as used_coupon_code,
        coalesce(delivered.campaign_id, coupons_used.campaign_id) as led_by_campaign_id
    from {{ ref('int_order_line') }} as delivered
    left join {{ ref('int_used_coupon') }} as coupons_used
        on
            delivered.source_system = coupons_used.selling_system
            and delivered.order_id = coupons_used.order_id
            and coupons_used.use_number = 1
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
    coalesce(offers.offer_key, -2) as offer_key,
    coalesce(touchpoints.touchpoint_key, -1) as touchpoint_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ member_key('lines.location_id') }} as location_key,
    {{ member_key('lines.device_id') }} as device_key,
    {{ date_key('lines.ordered_at') }} as ordered_date_key,
    lines.ordered_at,
    lines.line_kind,
    lines.return_reason,
    coalesce(offers.coupon_code, lines.used_coupon_code) as coupon_code,
    lines.quantity,
    lines.gross_amount,
    lines.discount_amount,
    lines.coupon_discount_amount,
    lines.manufacturer_discount_amount,
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
left join {{ ref('bridge_order_line_offer') }} as offers
    on
        lines.source_system = offers.source_system
        and lines.order_id = offers.source_order_id
        and lines.order_line_id = offers.source_order_line_id
        and offers.offer_number = 1
left join {{ ref('touchpoints') }} as touchpoints on lines.touchpoint = touchpoints.touchpoint
left join {{ ref('channels') }} as channels on touchpoints.channel = channels.channel
