{{ config(enabled=context360.adapter_is_on()) }}

select
    change_id as source_consent_id,
    case when account_id is not null then 'crm_account_id' when email is not null then 'email' end as identifier_kind,
    coalesce(account_id, email) as identifier_value,
    purpose,
    case channel when 'phone' then 'call' else channel end as channel,
    is_granted,
    lawful_basis,
    changed_at,
    given_through
from {{ ref('stg_consent__changes') }}
