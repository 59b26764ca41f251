with campaigns as (
    {{ named_members('campaign') }}
),

described as (
    select
        campaign_id,
        {{ described_as('title') }} as title,
        {{ described_as('product_line') }} as product_line,
        {{ described_as('channel') }} as channel,
        {{ described_as('starts_on') }} as starts_on,
        {{ described_as('ends_on') }} as ends_on,
        {{ described_as('has_holdout') }} as has_holdout
    from {{ ref('int_campaign') }}
    group by campaign_id
)

select
    campaigns.member_key as campaign_key,
    campaigns.member_id as campaign_id,
    described.title,
    described.product_line,
    coalesce(channels.channel_key, -1) as channel_key,
    described.starts_on,
    described.ends_on,
    described.has_holdout,
    described.campaign_id is not null as is_described
from campaigns
left join described on campaigns.member_id = described.campaign_id
left join {{ ref('channels') }} as channels on described.channel = channels.channel
