{{ config(enabled=adapter_is_on()) }}

select campaign_id, title, product_line, channel, starts_on, ends_on, has_holdout
from {{ ref('stg_demo_campaigns__campaigns') }}
