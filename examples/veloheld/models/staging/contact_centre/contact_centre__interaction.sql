{{ config(enabled=context360.adapter_is_on()) }}

select
    call_id as source_interaction_id,
    case direction when 'out' then 'call_outbound' else 'call_inbound' end as touchpoint,
    case when account_id is not null then 'crm_account_id' when phone is not null then 'phone' end as identifier_kind,
    coalesce(account_id, phone) as identifier_value,
    started_at as happened_at,
    coalesce(reason, 'no reason') || coalesce(', ' || outcome, '') as detail,
    outcome,
    duration_seconds
from {{ ref('stg_contact_centre__calls') }}
