{{ config(enabled=context360.adapter_is_on()) }}

select
    bike_serial as device_id,
    'product' as device_kind,
    'e_bike' as device_class,
    product_id,
    case when owner_account_id is not null then 'crm_account_id' end as identifier_kind,
    owner_account_id as identifier_value,
    cast(sold_on as timestamp) as first_seen_at
from {{ ref('stg_sensor__bikes') }}
