{{ config(enabled=context360.adapter_is_on()) }}

-- Where the card was given out in the store, the CRM's number was written down with it.
select
    loyalty_number as source_record_id,
    'crm_account_id' as identifier_kind,
    crm_account_id as identifier_value
from {{ ref('stg_loyalty__members') }}
where crm_account_id is not null
