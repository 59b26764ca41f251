{{ config(enabled=context360.adapter_is_on()) }}

select
    customer_no as source_consent_id,
    'shop_customer_no' as identifier_kind,
    customer_no as identifier_value,
    'marketing' as purpose,
    'email' as channel,
    is_newsletter_subscriber as is_granted,
    'consent' as lawful_basis,
    registered_at as changed_at,
    'registration' as given_through
from {{ ref('stg_shop__customers') }}
where is_newsletter_subscriber is not null
