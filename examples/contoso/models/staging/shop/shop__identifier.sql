{{ config(enabled=context360.adapter_is_on()) }}

-- Shop, CRM and loyalty programme share one list of contact numbers.
select
    contact_id as source_record_id,
    'contact_id' as identifier_kind,
    contact_id as identifier_value
from {{ ref('stg_shop__contacts') }}
