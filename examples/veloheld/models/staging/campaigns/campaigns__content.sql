{{ config(enabled=context360.adapter_is_on()) }}

select
    content_id,
    title,
    kind as content_kind,
    product_line,
    url
from {{ ref('stg_campaigns__content') }}
