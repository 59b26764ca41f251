{{ config(enabled=context360.adapter_is_on()) }}

-- The e-mail engine delivers offers by e-mail; only this system knows offers in the app and at the till.
select
    recipients.recipient_id as source_interaction_id,
    offers.channel || '_offer' as touchpoint,
    case when recipients.account_id is not null then 'crm_account_id' else 'email' end as identifier_kind,
    coalesce(recipients.account_id, recipients.email) as identifier_value,
    recipients.sent_at as happened_at,
    offers.product_id,
    recipients.campaign_id as detail,
    recipients.campaign_id,
    recipients.offer_id
from {{ ref('stg_campaigns__recipients') }} as recipients
inner join {{ ref('stg_campaigns__offers') }} as offers on recipients.offer_id = offers.offer_id
where not recipients.is_holdout and offers.channel in ('app', 'store')
