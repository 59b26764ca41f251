{{ config(enabled=context360.adapter_is_on()) }}

select
    'consent' as evidence,
    'email' as identifier_kind,
    email as identifier_value,
    'crm_account_id' as other_identifier_kind,
    account_id as other_identifier_value,
    min(changed_at) as first_seen_at,
    max(changed_at) as last_seen_at,
    count(*) as sighting_count
from {{ ref('stg_consent__changes') }}
where email is not null and account_id is not null
group by email, account_id
