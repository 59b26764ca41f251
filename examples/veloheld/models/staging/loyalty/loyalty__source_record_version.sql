{{ config(enabled=context360.adapter_is_on()) }}

select
    loyalty_number as source_record_id,
    given_name,
    family_name,
    email,
    phone,
    postal_code,
    loyalty_tier,
    {{ context360.delivered_at() }} as version_at,
    row_fate = 'staged' as is_current
from {{ ref('base_loyalty__members') }}
{{ context360.where_version() }}
