{{ config(enabled=context360.adapter_is_on()) }}

select
    account_id as source_record_id,
    given_name,
    family_name,
    birth_date,
    gender,
    email,
    coalesce(mobile, phone) as phone,
    street,
    house_number,
    postal_code,
    city,
    country,
    loyalty_number,
    occupation,
    created_at as recorded_at
from {{ ref('stg_crm__accounts') }}
