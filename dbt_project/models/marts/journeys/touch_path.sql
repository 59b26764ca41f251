-- Anonymous visitors cannot be tracked across visits: of them only purchases are here, each with its own coupon or
-- link.
with lines as (
    select
        interaction_key,
        product_line,
        purchase_amount,
        case when customer_key > 0 then customer_key else -interaction_key end as person_key
    from {{ ref('bridge_interaction_product_line') }}
    where happened_at < {{ as_of() }} and (customer_key > 0 or purchase_amount is not null)
),

purchases as (
    select
        lines.person_key,
        lines.product_line,
        lines.interaction_key,
        lines.purchase_amount,
        facts.happened_at
    from lines
    inner join {{ ref('fct_interaction') }} as facts on lines.interaction_key = facts.interaction_key
    where lines.purchase_amount is not null
),

touches as (
    select * from {{ ref('int_tracked_touch') }}
),

-- A touch without a product line counts for every line of the customer.
customer_lines as (
    select distinct
        person_key,
        product_line
    from lines
),

touches_on_lines as (
    select
        lines.person_key,
        lines.product_line,
        touches.happened_at,
        touches.campaign_key,
        touches.kind_rank,
        touches.touch_kind,
        touches.touch_value
    from touches
    inner join lines on touches.interaction_key = lines.interaction_key
    where not touches.has_offer_lines

    union all

    select
        customer_lines.person_key,
        customer_lines.product_line,
        touches.happened_at,
        touches.campaign_key,
        touches.kind_rank,
        touches.touch_kind,
        touches.touch_value
    from touches
    left join lines on touches.interaction_key = lines.interaction_key
    inner join customer_lines on touches.customer_key = customer_lines.person_key
    where lines.interaction_key is null and not touches.has_offer_lines

    union all

    -- A coupon counts for the lines that it is for, whatever else the basket holds.

    select
        customer_lines.person_key,
        customer_lines.product_line,
        touches.happened_at,
        touches.campaign_key,
        touches.kind_rank,
        touches.touch_kind,
        touches.touch_value
    from touches
    inner join {{ ref('int_offer_line') }} as offer_lines on touches.offer_key = offer_lines.offer_key
    inner join customer_lines
        on touches.person_key = customer_lines.person_key and offer_lines.product_line = customer_lines.product_line
),

-- One click is delivered by several systems and one visit in many rows: a campaign counts once a day, under its most
-- specific mark (coupon, then link), and so does a link or code without a campaign.
named as (
    select
        *,
        case
            when campaign_key > 0 and touch_kind <> 'qr code' then cast(campaign_key as {{ dbt.type_string() }})
            else touch_kind || ' ' || touch_value
        end as what,
        cast(happened_at as date) as touched_on
    from touches_on_lines
),

first_of_day as (
    select
        *,
        row_number() over (
            partition by person_key, product_line, what, touched_on order by kind_rank, happened_at, touch_value
        ) as day_rank,
        min(happened_at) over (partition by person_key, product_line, what, touched_on) as touched_at
    from named
),

-- Rare values are counted together, so that the chain behind the data-driven model stays small.
ranked_values as (
    select
        product_line,
        touch_kind,
        touch_value,
        row_number()
            over (partition by product_line order by count(*) desc, touch_kind asc, touch_value asc)
            as value_rank
    from first_of_day
    where day_rank = 1
    group by product_line, touch_kind, touch_value
),

events as (
    select
        touched.person_key,
        touched.product_line,
        touched.touched_at as happened_at,
        0 as is_purchase,
        touched.kind_rank,
        touched.touch_kind,
        case
            when ranked_values.value_rank <= {{ var('attribution_most_touches') }} then touched.touch_value else 'other'
        end
            as touch_value,
        cast(null as bigint) as purchase_interaction_key,
        cast(null as decimal(18, 6)) as purchase_amount
    from first_of_day as touched
    inner join ranked_values
        on
            touched.product_line = ranked_values.product_line
            and touched.touch_kind = ranked_values.touch_kind
            and touched.touch_value = ranked_values.touch_value
    where touched.day_rank = 1

    union all

    select
        person_key,
        product_line,
        happened_at,
        1 as is_purchase,
        9 as kind_rank,
        cast(null as {{ dbt.type_string() }}) as touch_kind,
        cast(null as {{ dbt.type_string() }}) as touch_value,
        interaction_key as purchase_interaction_key,
        purchase_amount
    from purchases
),

between_purchases as (
    select
        *,
        coalesce(sum(is_purchase) over (
            partition by person_key, product_line
            order by happened_at, kind_rank, touch_value, purchase_interaction_key
            rows between unbounded preceding and 1 preceding
        ), 0) as purchases_before
    from events
),

before_purchase as (
    select
        *,
        max(case when is_purchase = 1 then happened_at end) over of_purchase as next_purchase_at,
        max(purchase_interaction_key) over of_purchase as next_purchase_key,
        max(purchase_amount) over of_purchase as next_purchase_amount
    from between_purchases
    window of_purchase as (partition by person_key, product_line, purchases_before)
),

judged as (
    select
        *,
        coalesce(
            next_purchase_at <= {{ dbt.dateadd('day', var('attribution_window_days'), 'happened_at') }}, false
        ) as leads_to_purchase
    from before_purchase
    where is_purchase = 0
),

compared as (
    select
        *,
        lag(happened_at) over of_line as previous_at,
        lag(purchases_before) over of_line as previous_purchases_before,
        lag(leads_to_purchase) over of_line as previous_leads_to_purchase
    from judged
    window of_line as (
        partition by person_key, product_line order by purchases_before, happened_at, kind_rank, touch_value
    )
),

numbered as (
    select
        *,
        sum(
            case
                when
                    previous_purchases_before = purchases_before
                    and previous_leads_to_purchase = leads_to_purchase
                    and (
                        leads_to_purchase
                        or happened_at <= {{ dbt.dateadd('day', var('attribution_window_days'), 'previous_at') }}
                    )
                    then 0
                else 1
            end
        ) over (
            partition by person_key, product_line order by purchases_before, happened_at, kind_rank, touch_value
            rows between unbounded preceding and current row
        ) as path_number
    from compared
),

placed as (
    select
        *,
        row_number() over (
            partition by person_key, product_line, path_number order by happened_at, kind_rank, touch_value
        ) as position_in_path,
        count(*) over (partition by person_key, product_line, path_number) as path_length,
        max(happened_at) over (partition by person_key, product_line, path_number) as last_touch_at
    from numbered
)

select
    {{ integer_key(['person_key', 'product_line', 'path_number']) }} as path_key,
    case when person_key > 0 then person_key else -1 end as customer_key,
    product_line,
    cast(position_in_path as int) as position_in_path,
    cast(path_length as int) as path_length,
    touch_kind,
    touch_value,
    happened_at as touched_at,
    case
        when leads_to_purchase then 'purchased'
        when last_touch_at >= {{ dbt.dateadd('day', -var('attribution_window_days'), as_of()) }} then 'open'
        else 'lost'
    end as outcome,
    case when leads_to_purchase then next_purchase_key end as purchase_interaction_key,
    cast(case when leads_to_purchase then next_purchase_amount end as decimal(18, 6)) as purchase_amount
from placed
