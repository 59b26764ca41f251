{{ config(enabled=context360.adapter_is_on()) }}

-- The shop keeps the current state only: the subscription counts from the day the contact was created.
select
    contact_id as source_consent_id,
    'contact_id' as identifier_kind,
    contact_id as identifier_value,
    'marketing' as purpose,
    'email' as channel,
    is_email_subscriber as is_granted,
    'consent' as lawful_basis,
    cast(created_on as timestamp) as changed_at
from {{ ref('stg_shop__contacts') }}
where is_email_subscriber is not null and created_on is not null
