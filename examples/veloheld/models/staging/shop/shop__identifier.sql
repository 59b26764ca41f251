{{ config(enabled=context360.adapter_is_on()) }}

select
    customer_no as source_record_id,
    'shop_customer_no' as identifier_kind,
    customer_no as identifier_value
from {{ ref('stg_shop__customers') }}
