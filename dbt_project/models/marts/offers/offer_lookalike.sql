-- Different discounts for the same product at the same time within one segment: no shared household, but customers
-- compare.
with {{ offer_pairs() }},

made as (
    select
        facts.customer_key,
        facts.offer_key,
        offers.channel_key,
        segments.segment,
        offers.discount_percent,
        cast(offers.valid_from as timestamp) as usable_from,
        cast(offers.valid_to as timestamp) as usable_to
    from {{ ref('fct_offer_made') }} as facts
    inner join {{ ref('dim_offer') }} as offers on facts.offer_key = offers.offer_key
    inner join {{ ref('customer_segment') }} as segments on facts.customer_key = segments.customer_key
    where
        facts.offer_key > 0 and not facts.is_holdout and facts.made_at < {{ as_of() }}
        and offers.valid_from is not null and offers.valid_to is not null
),

-- Per offer and segment, not per customer, which keeps the number of pairs small.
reached as (
    select
        offer_key,
        channel_key,
        segment,
        discount_percent,
        usable_from,
        usable_to,
        count(distinct customer_key) as customer_count
    from made
    group by offer_key, channel_key, segment, discount_percent, usable_from, usable_to
)

select
    better.segment,
    pairs.product_key,
    pairs.common_product_count,
    better.offer_key,
    better.channel_key,
    better.discount_percent,
    better.customer_count,
    worse.offer_key as other_offer_key,
    worse.channel_key as other_channel_key,
    worse.discount_percent as other_discount_percent,
    worse.customer_count as other_customer_count
from reached as better
inner join pairs on better.offer_key = pairs.offer_key
inner join reached as worse
    on
        better.segment = worse.segment
        and pairs.other_offer_key = worse.offer_key
        and better.usable_from < worse.usable_to
        and better.usable_to > worse.usable_from
where better.channel_key <> worse.channel_key
