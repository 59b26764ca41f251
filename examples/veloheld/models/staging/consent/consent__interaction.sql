{{ config(enabled=context360.adapter_is_on()) }}

-- Registration and the unsubscribe link are interactions of the systems in which they happen.
select
    change_id as source_interaction_id,
    'preferences_changed' as touchpoint,
    case when account_id is not null then 'crm_account_id' when email is not null then 'email' end as identifier_kind,
    coalesce(account_id, email) as identifier_value,
    changed_at as happened_at,
    purpose || ' by ' || channel as detail,
    case when is_granted then 'granted' else 'withdrawn' end as outcome
from {{ ref('stg_consent__changes') }}
where given_through = 'preference_centre'
