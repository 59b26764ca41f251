-- When each campaign runs. Both sides of a campaign are judged over the same days: from the first approach to the last
-- day on which the offer or the campaign is valid.
with offered as (
    select
        made.campaign_key,
        min(made.made_at) as first_made_at,
        cast(min(offers.valid_from) as timestamp) as valid_from,
        cast(max(offers.valid_to) as timestamp) as valid_to,
        count(*) as offer_count
    from {{ ref('fct_offer_made') }} as made
    left join {{ ref('dim_offer') }} as offers on made.offer_key = offers.offer_key
    group by made.campaign_key
),

subjects as (
    select
        campaign_offers.campaign_key,
        bool_and(offers.names_products) as is_about_offered_products
    from {{ ref('campaign_offer') }} as campaign_offers
    inner join {{ ref('dim_offer') }} as offers on campaign_offers.offer_key = offers.offer_key
    where offers.is_described
    group by campaign_offers.campaign_key
)

select
    campaigns.campaign_key,
    channels.channel,
    coalesce(offered.offer_count, 0) as offer_count,
    coalesce(offered.first_made_at, offered.valid_from, cast(campaigns.starts_on as timestamp)) as begins_at,
    greatest(offered.valid_to, cast({{ dbt.dateadd('day', 1, 'campaigns.ends_on') }} as timestamp)) as ends_at,
    -- Both sides are judged by the same purchases, whatever each row names: of the products of the offers, else of the
    -- product line of the campaign, else of anything.
    coalesce(subjects.is_about_offered_products, false) as is_about_offered_products,
    campaigns.product_line
from {{ ref('dim_campaign') }} as campaigns
left join offered on campaigns.campaign_key = offered.campaign_key
left join subjects on campaigns.campaign_key = subjects.campaign_key
left join {{ ref('dim_channel') }} as channels on campaigns.channel_key = channels.channel_key
-- A campaign that has not begun is not running yet.
where
    campaigns.campaign_key > 0
    and (
        coalesce(offered.first_made_at, offered.valid_from, cast(campaigns.starts_on as timestamp)) < {{ as_of() }}
        or coalesce(offered.first_made_at, offered.valid_from, cast(campaigns.starts_on as timestamp)) is null
    )
