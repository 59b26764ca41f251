{{ config(enabled=context360.adapter_is_on()) }}

select
    loyalty_id as source_record_id,
    given_name,
    family_name,
    birth_date,
    gender,
    email,
    phone,
    loyalty_id as loyalty_number,
    reward_points as loyalty_points,
    cast(created_on as timestamp) as recorded_at
from {{ ref('stg_loyalty__members') }}
