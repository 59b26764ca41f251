{{ config(enabled=adapter_is_on()) }}

select content_id, title, kind as content_kind, product_line, url
from {{ ref('stg_demo_campaigns__content') }}
