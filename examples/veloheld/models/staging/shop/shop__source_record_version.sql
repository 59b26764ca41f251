{{ config(enabled=context360.adapter_is_on()) }}

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
    {{ context360.delivered_at() }} as version_at,
    row_fate = 'staged' as is_current
from {{ ref('base_shop__customers') }}
{{ context360.where_version() }}
