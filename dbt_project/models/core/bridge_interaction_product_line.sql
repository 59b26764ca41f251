-- An order has one row per product line; every other interaction at most one. An interaction without a line of its own
-- takes it from its context: before a purchase from the visit, afterwards from the last purchase of the customer.
-- Customer, touchpoint and moment are repeated, so that journeys need one pass over this table.
with steps as (
    select
        touchpoints.touchpoint_key,
        steps.is_before_purchase
    from {{ ref('dim_touchpoint') }} as touchpoints
    inner join {{ ref('journey_steps') }} as steps on touchpoints.journey_step = steps.journey_step
),

ordered as (
    select
        lines.interaction_key,
        coalesce(products.product_line, 'unknown') as product_line,
        -- Null where nothing of the line was bought, 0 where it cost nothing or has no exchange rate.
        sum(case when lines.line_kind = 'purchase' then coalesce(lines.reporting_net_amount, 0) end) as bought_amount
    from {{ ref('fct_order_line') }} as lines
    left join {{ ref('dim_product') }} as products on lines.product_key = products.product_key
    group by lines.interaction_key, coalesce(products.product_line, 'unknown')
),

-- An offer for products of one line is about that line.
offer_lines as (
    select
        offered.offer_key,
        max(products.product_line) as product_line
    from {{ ref('bridge_offer_product') }} as offered
    inner join {{ ref('dim_product') }} as products on offered.product_key = products.product_key
    group by offered.offer_key
    having count(distinct products.product_line) = 1
),

described as (
    select
        facts.interaction_key,
        facts.customer_key,
        facts.touchpoint_key,
        facts.channel_key,
        facts.session_key,
        facts.happened_at,
        steps.is_before_purchase,
        coalesce(
            ordered.product_line,
            products.product_line,
            contents.product_line,
            offers.product_line,
            offer_lines.product_line,
            campaigns.product_line,
            case when facts.product_key <> -2 then 'unknown' end
        ) as own_line,
        case
            when ordered.product_line is not null or products.product_line is not null then 'product'
            when contents.product_line is not null then 'content'
            when offers.product_line is not null or offer_lines.product_line is not null then 'offer'
            when campaigns.product_line is not null then 'campaign'
            when facts.product_key <> -2 then 'product'
        end as own_source,
        ordered.bought_amount as purchase_amount
    from {{ ref('fct_interaction') }} as facts
    inner join steps on facts.touchpoint_key = steps.touchpoint_key
    left join ordered on facts.interaction_key = ordered.interaction_key
    left join {{ ref('dim_product') }} as products on facts.product_key = products.product_key
    left join {{ ref('dim_content') }} as contents on facts.content_key = contents.content_key
    left join {{ ref('dim_offer') }} as offers on facts.offer_key = offers.offer_key
    left join offer_lines on facts.offer_key = offer_lines.offer_key
    left join {{ ref('dim_campaign') }} as campaigns on facts.campaign_key = campaigns.campaign_key
),

-- The line of a visit is that of most products it views; where it views none, of most content.
session_lines as (
    select
        session_key,
        own_line as product_line,
        row_number() over (
            partition by session_key
            order by count(case when own_source = 'product' then 1 end) desc, count(*) desc, own_line asc
        ) as line_rank
    from described
    where session_key is not null and own_line <> 'unknown'
    group by session_key, own_line
),

-- The main line of each purchase, and later interactions without a line of their own.
owners_acts as (
    select
        interaction_key,
        customer_key,
        happened_at,
        purchase_amount is not null as is_purchase,
        case
            when
                purchase_amount is not null
                and row_number() over (
                    partition by interaction_key order by purchase_amount desc, own_line asc
                ) = 1
                then own_line
        end as bought_line
    from described
    where
        customer_key > 0
        and (purchase_amount is not null or (own_line is null and not is_before_purchase))
),

numbered_purchases as (
    select
        interaction_key,
        customer_key,
        is_purchase,
        bought_line,
        count(bought_line) over (
            partition by customer_key
            order by happened_at, interaction_key
            rows between unbounded preceding and current row
        ) as purchase_number
    from owners_acts
    where not is_purchase or bought_line is not null
),

last_purchases as (
    select
        interaction_key,
        is_purchase,
        max(bought_line) over (partition by customer_key, purchase_number) as product_line
    from numbered_purchases
    where purchase_number > 0
),

lines_from_purchases as (
    select
        interaction_key,
        product_line
    from last_purchases
    where not is_purchase
),

lines_from_sessions as (
    select
        session_key,
        product_line
    from session_lines
    where line_rank = 1
),

placed as (
    select
        described.interaction_key,
        described.customer_key,
        described.touchpoint_key,
        described.channel_key,
        described.happened_at,
        coalesce(
            described.own_line,
            case when described.is_before_purchase then lines_from_sessions.product_line end,
            lines_from_purchases.product_line
        ) as product_line,
        case
            when described.own_line is not null then described.own_source
            when described.is_before_purchase then 'session'
            else 'last purchase'
        end as product_line_source,
        cast(described.purchase_amount as decimal(18, 6)) as purchase_amount
    from described
    left join lines_from_sessions on described.session_key = lines_from_sessions.session_key
    left join lines_from_purchases on described.interaction_key = lines_from_purchases.interaction_key
)

select
    interaction_key,
    product_line,
    product_line_source,
    customer_key,
    touchpoint_key,
    channel_key,
    happened_at,
    purchase_amount
from placed
where product_line is not null
