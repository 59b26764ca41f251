with offers as (
    {{ named_members('offer') }}
),

described as (
    select
        offer_id,
        {{ described_as('campaign_id') }} as campaign_id,
        {{ described_as('product_line') }} as product_line,
        {{ described_as('discount_percent') }} as discount_percent,
        {{ described_as('channel') }} as channel,
        {{ described_as('valid_from') }} as first_day,
        {{ described_as('valid_to') }} as last_day
    from {{ ref('int_offer') }}
    group by offer_id
),

named as (
    select
        offer_id,
        product_id,
        product_line
    from {{ ref('int_offer') }}

    union all

    select
        offer_id,
        product_id,
        product_line
    from {{ ref('int_offer_product') }}
),

listed as (
    select
        offer_id,
        -- The product of an offer for one product alone.
        case
            when count(*) = count(product_id) and count(distinct product_id) = 1 then max(product_id)
        end as product_id
    from named
    where product_id is not null or product_line is not null
    group by offer_id
)

select
    offers.member_key as offer_key,
    offers.member_id as offer_id,
    {{ member_key('described.campaign_id', unknown_when='described.offer_id is null') }} as campaign_key,
    {{ member_key('listed.product_id', unknown_when='described.offer_id is null and listed.offer_id is null') }}
        as product_key,
    described.product_line,
    listed.offer_id is not null as names_products,
    described.discount_percent,
    coalesce(channels.channel_key, -1) as channel_key,
    described.first_day as valid_from,
    -- The source has the last day (inclusive); periods here are half-open.
    cast({{ dbt.dateadd('day', 1, 'described.last_day') }} as date) as valid_to,
    described.offer_id is not null as is_described
from offers
left join described on offers.member_id = described.offer_id
left join listed on offers.member_id = listed.offer_id
left join {{ ref('channels') }} as channels on described.channel = channels.channel
