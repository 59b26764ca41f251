{{ config(enabled=adapter_is_on()) }}

select
    loyalty_number as source_record_id,
    given_name,
    family_name,
    email,
    phone,
    postal_code,
    loyalty_tier,
    {{ delivered_at() }} as version_at,
    row_fate = 'staged' as is_current
from {{ ref('base_demo_loyalty__members') }}
{{ where_version() }}
