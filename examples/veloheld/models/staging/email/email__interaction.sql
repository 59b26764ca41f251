{{ config(enabled=context360.adapter_is_on()) }}

with events as (
    select
        *,
        -- Join on columns only: a condition on one side makes the engine compare every pair of rows.
        case when kind <> 'sent' then campaign_id end as answered_campaign_id
    from {{ ref('stg_email__events') }}
),

-- An address gets each mailing once, so opens, clicks and replies refer to that mail.
sent as (
    select
        email,
        campaign_id,
        min(event_id) as sent_event_id
    from events
    where kind = 'sent'
    group by email, campaign_id
)

select
    events.event_id as source_interaction_id,
    'email_' || events.kind as touchpoint,
    'email' as identifier_kind,
    events.email as identifier_value,
    events.occurred_at as happened_at,
    events.campaign_id as detail,
    events.campaign_id,
    events.offer_id,
    events.content_id,
    sent.sent_event_id as responds_to_id,
    events.url
from events
left join sent on events.email = sent.email and events.answered_campaign_id = sent.campaign_id
