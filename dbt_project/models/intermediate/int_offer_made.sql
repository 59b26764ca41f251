{{ config(materialized='table') }}

with offers_made as (
    select
        *,
        -- Held-out customers got no e-mail; a family member with the same address may have.
        case when channel = 'email' and not is_holdout then email end as mailed_to
    from {{ ref('int_delivered_offer_made') }}
),

-- How the recipient reacted to the e-mail with the offer, in any system.
mail_reactions as (
    select
        offer_id,
        identifier_value as email,
        min(case when touchpoint = 'email_opened' then happened_at end) as opened_at,
        min(case when touchpoint = 'email_clicked' then happened_at end) as clicked_at,
        min(case when touchpoint = 'email_replied' then happened_at end) as replied_at
    from {{ ref('int_delivered_interaction') }}
    where offer_id is not null and identifier_kind = 'email'
    group by offer_id, identifier_value
)

select
    offers_made.source_system,
    offers_made.offer_made_id,
    offers_made.campaign_id,
    offers_made.offer_id,
    offers_made.channel,
    offers_made.content_id,
    offers_made.identifier_kind,
    offers_made.identifier_value,
    offers_made.email,
    offers_made.is_holdout,
    offers_made.made_at,
    offers_made.coupon_code,
    mail_reactions.opened_at,
    mail_reactions.clicked_at,
    mail_reactions.replied_at,
    offers_made.redeemed_at,
    -- The strongest reaction.
    case
        when offers_made.redeemed_at is not null then 'redeemed'
        when mail_reactions.replied_at is not null then 'replied'
        when mail_reactions.clicked_at is not null then 'clicked'
        when mail_reactions.opened_at is not null then 'opened'
        else 'none'
    end as reaction,
    coalesce(
        offers_made.redeemed_at, mail_reactions.replied_at, mail_reactions.clicked_at, mail_reactions.opened_at
    ) as reacted_at
from offers_made
left join
    mail_reactions
    on offers_made.offer_id = mail_reactions.offer_id and offers_made.mailed_to = mail_reactions.email
