{{ config(enabled=context360.adapter_is_on()) }}

select
    loyalty_id as source_interaction_id,
    'loyalty_joined' as touchpoint,
    'loyalty_number' as identifier_kind,
    loyalty_id as identifier_value,
    cast(created_on as timestamp) as happened_at
from {{ ref('stg_loyalty__members') }}
where created_on is not null
