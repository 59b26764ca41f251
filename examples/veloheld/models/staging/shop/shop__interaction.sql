{{ config(enabled=context360.adapter_is_on()) }}

select
    customer_no as source_interaction_id,
    'account_created' as touchpoint,
    'shop_customer_no' as identifier_kind,
    customer_no as identifier_value,
    registered_at as happened_at
from {{ ref('stg_shop__customers') }}
