{{ config(enabled=adapter_is_on()) }}

select
    customer_no as source_record_id,
    given_name,
    family_name,
    email,
    phone,
    street,
    postal_code,
    city,
    country,
    {{ delivered_at() }} as version_at,
    row_fate = 'staged' as is_current
from {{ ref('base_demo_shop__customers') }}
{{ where_version() }}
