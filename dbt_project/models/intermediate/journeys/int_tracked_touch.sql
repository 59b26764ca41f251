-- Interactions that carry a coupon, a QR code, a tracked link or a campaign, once per kind of mark.
with steps as (
    select
        touchpoints.touchpoint_key,
        steps.step_rank
    from {{ ref('dim_touchpoint') }} as touchpoints
    inner join {{ ref('journey_steps') }} as steps on touchpoints.journey_step = steps.journey_step
),

-- A message, an offer or a link of a campaign counts where the customer acted on it or considered it. That of a coupon
-- is the coupon: the campaign of an order gets no credit for the lines that its coupon is not for.
marked as (
    select
        facts.interaction_key,
        facts.customer_key,
        facts.happened_at,
        facts.coupon_code,
        facts.offer_key,
        case when facts.customer_key > 0 then facts.customer_key else -facts.interaction_key end as person_key,
        offers.offer_key is not null as has_offer_lines,
        facts.qr_code,
        facts.utm_source,
        facts.utm_campaign,
        facts.campaign_key,
        case when facts.campaign_key > 0 then campaigns.campaign_id end as campaign_id,
        facts.campaign_key > 0 and steps.step_rank in (2, 3) and facts.coupon_code is null as is_campaign_touch
    from {{ ref('fct_interaction') }} as facts
    inner join steps on facts.touchpoint_key = steps.touchpoint_key
    inner join {{ ref('dim_campaign') }} as campaigns on facts.campaign_key = campaigns.campaign_key
    left join (select distinct offer_key from {{ ref('int_offer_line') }}) as offers
        on facts.offer_key = offers.offer_key
    where
        facts.happened_at < {{ as_of() }}
        and (
            facts.coupon_code is not null
            or facts.qr_code is not null
            or facts.utm_source is not null
            or facts.utm_campaign is not null
            or (facts.campaign_key > 0 and steps.step_rank in (2, 3))
        )
)

select
    interaction_key,
    customer_key,
    person_key,
    happened_at,
    campaign_key,
    offer_key,
    has_offer_lines,
    1 as kind_rank,
    'coupon' as touch_kind,
    coalesce(campaign_id, coupon_code) as touch_value
from marked
where coupon_code is not null

union all

select
    interaction_key,
    customer_key,
    person_key,
    happened_at,
    campaign_key,
    -2 as offer_key,
    false as has_offer_lines,
    2 as kind_rank,
    'qr code' as touch_kind,
    qr_code as touch_value
from marked
where qr_code is not null

union all

select
    interaction_key,
    customer_key,
    person_key,
    happened_at,
    campaign_key,
    -2 as offer_key,
    false as has_offer_lines,
    3 as kind_rank,
    'url' as touch_kind,
    case
        when utm_source is null then utm_campaign
        when utm_campaign is null then utm_source
        else utm_source || ' / ' || utm_campaign
    end as touch_value
from marked
where utm_source is not null or utm_campaign is not null

union all

select
    interaction_key,
    customer_key,
    person_key,
    happened_at,
    campaign_key,
    -2 as offer_key,
    false as has_offer_lines,
    4 as kind_rank,
    'campaign' as touch_kind,
    campaign_id as touch_value
from marked
where is_campaign_touch
