{{ config(enabled=context360.adapter_is_on()) }}

select
    customer_no as source_record_id,
    'sample_shop_customer_no' as identifier_kind,
    customer_no as identifier_value
from {{ ref('stg_sample_shop__customers') }}
