{{ config(enabled=context360.adapter_is_on()) }}

select
    offer_id,
    campaign_id,
    product_id,
    product_line,
    discount_percent,
    channel,
    valid_from,
    valid_to
from {{ ref('stg_campaigns__offers') }}
