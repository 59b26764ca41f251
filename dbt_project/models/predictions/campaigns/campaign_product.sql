-- What each campaign is about. Every purchase counts for a campaign that names no products and no line.
select
    campaign_offers.campaign_key,
    offered.product_key
from {{ ref('campaign_offer') }} as campaign_offers
inner join {{ ref('campaign_period') }} as periods on campaign_offers.campaign_key = periods.campaign_key
inner join {{ ref('bridge_offer_product') }} as offered on campaign_offers.offer_key = offered.offer_key
where periods.is_about_offered_products

union

select
    periods.campaign_key,
    products.product_key
from {{ ref('campaign_period') }} as periods
inner join {{ ref('dim_product') }} as products on periods.product_line = products.product_line
where not periods.is_about_offered_products
