{{ config(enabled=context360.adapter_is_on()) }}

select
    contact_id as source_interaction_id,
    'account_created' as touchpoint,
    'contact_id' as identifier_kind,
    contact_id as identifier_value,
    cast(created_on as timestamp) as happened_at
from {{ ref('stg_shop__contacts') }}
where created_on is not null
