{{ config(enabled=context360.adapter_is_on()) }}

select distinct
    store_id || '/' || zone as location_id,
    'zone' as location_kind,
    store_id as parent_location_id,
    zone as title
from {{ ref('stg_beacon__sightings') }}
