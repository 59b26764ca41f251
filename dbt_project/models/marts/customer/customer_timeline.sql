with contacts as (
    select * from {{ ref('fct_interaction') }}
),

-- An offer has no title of its own: it is the campaign's.
offers as (
    select
        offers.offer_key,
        offers.offer_id,
        coalesce(campaigns.title, campaigns.campaign_id) as campaign
    from {{ ref('dim_offer') }} as offers
    left join {{ ref('dim_campaign') }} as campaigns
        on offers.campaign_key = campaigns.campaign_key and campaigns.campaign_key > 0
    where offers.offer_key > 0
),

described as (
    select
        contacts.*,
        products.product_id,
        coalesce(products.title, products.product_id) as product,
        content_items.content_id,
        coalesce(content_items.title, content_items.content_id) as content,
        campaigns.campaign_id,
        offers.offer_id,
        coalesce(campaigns.title, offers.campaign, campaigns.campaign_id) as campaign,
        nullif(
            trim(coalesce({{ words('devices.device_class') }}, '') || ' ' || coalesce(devices.operating_system, '')), ''
        ) as device
    from contacts
    left join {{ ref('dim_product') }} as products
        on contacts.product_key = products.product_key and products.product_key > 0
    left join {{ ref('dim_content') }} as content_items
        on contacts.content_key = content_items.content_key and content_items.content_key > 0
    left join {{ ref('dim_campaign') }} as campaigns
        on contacts.campaign_key = campaigns.campaign_key and campaigns.campaign_key > 0
    left join offers on contacts.offer_key = offers.offer_key
    left join {{ ref('dim_device') }} as devices on contacts.device_key = devices.device_key
)

select
    described.interaction_key,
    described.customer_key,
    customers.display_name,
    described.happened_at,
    channels.title as channel,
    touchpoints.title as touchpoint,
    described.direction,
    coalesce(described.product, described.content, described.campaign) as title,
    -- What the source says, its numbers of products, content, campaigns and offers as titles; where it says nothing,
    -- what the contact was about, how it ended, the page, or the device.
    coalesce(
        case described.detail
            when described.product_id then described.product
            when described.content_id then described.content
            when described.campaign_id then described.campaign
            when described.offer_id then coalesce(described.campaign, described.detail)
            else described.detail
        end,
        described.product,
        described.content,
        described.outcome,
        described.url,
        described.campaign,
        described.device
    ) as detail,
    described.content,
    described.campaign,
    described.outcome,
    described.responds_to_interaction_key as replies_to_interaction_key,
    replied_touchpoints.title as replies_to,
    described.verbatim as text,
    described.sentiment,
    described.sentiment_label,
    described.amount,
    described.currency,
    described.source_system
from described
inner join {{ ref('dim_customer') }} as customers on described.customer_key = customers.customer_key
inner join {{ ref('dim_channel') }} as channels on described.channel_key = channels.channel_key
inner join {{ ref('dim_touchpoint') }} as touchpoints on described.touchpoint_key = touchpoints.touchpoint_key
left join contacts as replied_to on described.responds_to_interaction_key = replied_to.interaction_key
left join {{ ref('dim_touchpoint') }} as replied_touchpoints
    on replied_to.touchpoint_key = replied_touchpoints.touchpoint_key
