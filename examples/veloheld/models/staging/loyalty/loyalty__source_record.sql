{{ config(enabled=context360.adapter_is_on()) }}

select
    loyalty_number as source_record_id,
    given_name,
    family_name,
    birth_date,
    email,
    phone,
    postal_code,
    loyalty_number,
    loyalty_tier,
    loyalty_points,
    cast(joined_on as timestamp) as recorded_at
from {{ ref('stg_loyalty__members') }}
