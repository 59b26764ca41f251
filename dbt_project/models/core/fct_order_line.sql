with order_lines as (
    select * from {{ ref('int_order_line') }}
)

select
    {{ integer_key(['order_lines.source_system', 'order_lines.order_id', 'order_lines.order_line_id']) }}
        as order_line_key,
    {{ integer_key(['order_lines.source_system', 'order_lines.order_id']) }} as interaction_key,
    {{ customer_key_or_unknown() }} as customer_key,
    case when order_lines.product_id is null then -1 else {{ integer_key(['order_lines.product_id']) }} end
        as product_key,
    coalesce(touchpoints.touchpoint_key, -1) as touchpoint_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ date_key('order_lines.ordered_at') }} as ordered_date_key,
    order_lines.ordered_at,
    order_lines.line_kind,
    order_lines.quantity,
    order_lines.gross_amount,
    order_lines.discount_amount,
    order_lines.net_amount,
    order_lines.cost_amount,
    cast(order_lines.net_amount - order_lines.cost_amount as decimal(18, 2)) as margin_amount,
    order_lines.currency,
    order_lines.source_system,
    order_lines.order_id as source_order_id,
    order_lines.order_line_id as source_order_line_id
from order_lines
{{ join_customer('order_lines') }}
left join {{ ref('touchpoints') }} as touchpoints on order_lines.touchpoint = touchpoints.touchpoint
left join {{ ref('channels') }} as channels on touchpoints.channel = channels.channel
