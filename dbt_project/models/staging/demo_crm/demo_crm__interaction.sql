{{ config(enabled=adapter_is_on()) }}

select
    appointment_id as source_interaction_id,
    'appointment' as touchpoint,
    'crm_account_id' as identifier_kind,
    account_id as identifier_value,
    created_at as happened_at,
    kind || ', ' || status as detail
from {{ ref('stg_demo_crm__appointments') }}
