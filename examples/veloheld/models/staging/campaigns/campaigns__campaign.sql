{{ config(enabled=context360.adapter_is_on()) }}

select
    campaign_id,
    title,
    product_line,
    channel,
    starts_on,
    ends_on,
    has_holdout
from {{ ref('stg_campaigns__campaigns') }}
