{{ config(enabled=context360.adapter_is_on()) }}

select
    appointment_id as source_interaction_id,
    'appointment' as touchpoint,
    'crm_account_id' as identifier_kind,
    account_id as identifier_value,
    created_at as happened_at,
    kind || ', ' || status as detail,
    store_id as location_id,
    cast(null as {{ dbt.type_string() }}) as responds_to_id,
    status as outcome
from {{ ref('stg_crm__appointments') }}

union all

select
    appointment_id || '-kept' as source_interaction_id,
    'appointment_kept' as touchpoint,
    'crm_account_id' as identifier_kind,
    account_id as identifier_value,
    starts_at as happened_at,
    kind as detail,
    store_id as location_id,
    appointment_id as responds_to_id,
    status as outcome
from {{ ref('stg_crm__appointments') }}
where status = 'kept' and starts_at is not null
