{{ config(enabled=context360.adapter_is_on()) }}

select
    contact_id as source_record_id,
    given_name,
    family_name,
    birth_date,
    gender,
    email,
    phone
from {{ ref('stg_crm__contacts') }}
