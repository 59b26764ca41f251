{{ config(enabled=context360.adapter_is_on()) }}

select
    event_id as source_interaction_id,
    'web_' || kind as touchpoint,
    -- A sign-up or login identifies the visitor at that moment.
    case when email is not null then 'email' else 'cookie' end as identifier_kind,
    coalesce(email, cookie_id) as identifier_value,
    occurred_at as happened_at,
    product_id,
    coalesce(search_term, content_id) as detail,
    utm_campaign as campaign_id,
    content_id,
    cookie_id as device_id,
    session_id,
    url,
    qr_code,
    utm_source,
    utm_medium,
    utm_campaign
from {{ ref('stg_web__events') }}
