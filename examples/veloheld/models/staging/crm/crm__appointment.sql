{{ config(enabled=context360.adapter_is_on()) }}

select
    appointment_id,
    'crm_account_id' as identifier_kind,
    account_id as identifier_value,
    kind as appointment_kind,
    store_id as location_id,
    status,
    created_at as booked_at,
    starts_at,
    updated_at as changed_at
from {{ ref('stg_crm__appointments') }}
