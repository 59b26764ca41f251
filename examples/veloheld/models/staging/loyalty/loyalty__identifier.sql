{{ config(enabled=context360.adapter_is_on()) }}

-- Stores that issue a card record the customer's CRM number with it.
select
    loyalty_number as source_record_id,
    'crm_account_id' as identifier_kind,
    crm_account_id as identifier_value
from {{ ref('stg_loyalty__members') }}
where crm_account_id is not null
