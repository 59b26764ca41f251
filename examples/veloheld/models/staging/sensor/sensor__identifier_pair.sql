{{ config(enabled=context360.adapter_is_on()) }}

select
    'owner on record' as evidence,
    'product_serial' as identifier_kind,
    bike_serial as identifier_value,
    'crm_account_id' as other_identifier_kind,
    owner_account_id as other_identifier_value,
    cast(sold_on as timestamp) as first_seen_at,
    cast(null as timestamp) as last_seen_at,
    1 as sighting_count
from {{ ref('stg_sensor__bikes') }}
where owner_account_id is not null

union all

-- Other streams identify the buyer: by the order or by the card.
select
    'sold with order' as evidence,
    'product_serial' as identifier_kind,
    bike_serial as identifier_value,
    'order_id' as other_identifier_kind,
    order_no as other_identifier_value,
    cast(sold_on as timestamp) as first_seen_at,
    cast(null as timestamp) as last_seen_at,
    1 as sighting_count
from {{ ref('stg_sensor__bikes') }}
where order_no is not null
