{{ config(enabled=context360.adapter_is_on()) }}

select
    store_id as location_id,
    'store' as location_kind,
    store_name as title,
    city,
    country,
    latitude,
    longitude
from {{ ref('stg_pos__stores') }}
