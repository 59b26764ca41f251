{{ config(enabled=context360.adapter_is_on()) }}

-- The programme records each member's contact: the cross-reference between the systems.
select
    loyalty_id as source_record_id,
    'contact_id' as identifier_kind,
    contact_id as identifier_value
from {{ ref('stg_loyalty__members') }}
where contact_id is not null
