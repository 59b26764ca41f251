{{ config(enabled=adapter_is_on()) }}

select
    event_id as source_interaction_id,
    'email_' || kind as touchpoint,
    'email' as identifier_kind,
    email as identifier_value,
    occurred_at as happened_at,
    campaign_id as detail
from {{ ref('stg_demo_email__events') }}
