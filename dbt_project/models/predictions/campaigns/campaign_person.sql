-- Customers known to the company when the campaign began: customers who become known by buying would count for the
-- treated side only. A customer without a date has always been known.
with people as (
    select
        made.campaign_key,
        made.customer_key,
        -- A customer who gets the offer on one of two records is treated: their purchases may follow from it.
        bool_or(not made.is_holdout) as is_treated,
        count(distinct made.is_holdout) > 1 as is_mixed
    from {{ ref('fct_offer_made') }} as made
    inner join {{ ref('campaign_period') }} as periods on made.campaign_key = periods.campaign_key
    inner join {{ ref('dim_customer') }} as customers on made.customer_key = customers.customer_key
    where
        made.customer_key > 0
        and (customers.first_known_at is null or customers.first_known_at < periods.begins_at)
    group by made.campaign_key, made.customer_key
),

-- The outcome must be the same for both sides: purchases of what the campaign is about, over the same days. The use of
-- a coupon is none, for held-out customers have no coupon.
buyers as (
    select
        people.campaign_key,
        people.customer_key
    from people
    inner join {{ ref('campaign_period') }} as periods on people.campaign_key = periods.campaign_key
    inner join {{ ref('fct_order_line') }} as lines
        on
            people.customer_key = lines.customer_key
            and periods.begins_at <= lines.ordered_at
            and periods.ends_at > lines.ordered_at
    left join {{ ref('campaign_product') }} as products
        on people.campaign_key = products.campaign_key and lines.product_key = products.product_key
    where
        lines.line_kind = 'purchase'
        and (
            products.product_key is not null
            or (not periods.is_about_offered_products and periods.product_line is null)
        )
    group by people.campaign_key, people.customer_key
),

earlier as (
    select
        people.campaign_key,
        people.customer_key,
        count(distinct lines.interaction_key) as purchase_count
    from people
    inner join {{ ref('campaign_period') }} as periods on people.campaign_key = periods.campaign_key
    inner join {{ ref('fct_order_line') }} as lines
        on
            people.customer_key = lines.customer_key
            and periods.begins_at > lines.ordered_at
            and periods.begins_at - (periods.ends_at - periods.begins_at) <= lines.ordered_at
    where lines.line_kind = 'purchase'
    group by people.campaign_key, people.customer_key
)

select
    people.campaign_key,
    people.customer_key,
    people.is_treated,
    people.is_mixed,
    buyers.customer_key is not null as has_bought,
    coalesce(earlier.purchase_count, 0) as purchases_before
from people
left join earlier
    on people.campaign_key = earlier.campaign_key and people.customer_key = earlier.customer_key
left join buyers
    on people.campaign_key = buyers.campaign_key and people.customer_key = buyers.customer_key
