{{ config(enabled=context360.adapter_is_on()) }}

select distinct
    hotel_guest_id as source_record_id,
    'hotel_guest_id' as identifier_kind,
    hotel_guest_id as identifier_value
from {{ ref('stg_hotel__stays') }}
