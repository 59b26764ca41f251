{{ config(enabled=context360.adapter_is_on()) }}

select
    customer_no as source_record_id,
    given_name,
    family_name,
    email,
    phone,
    updated_at as recorded_at
from {{ ref('stg_sample_shop__customers') }}
