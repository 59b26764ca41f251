{{ config(enabled=context360.adapter_is_on()) }}

select
    account_id as source_record_id,
    given_name,
    family_name,
    email,
    coalesce(mobile, phone) as phone,
    street,
    house_number,
    postal_code,
    city,
    country,
    updated_at as version_at,
    row_fate = 'staged' as is_current
from {{ ref('base_crm__accounts') }}
{{ context360.where_version() }}
