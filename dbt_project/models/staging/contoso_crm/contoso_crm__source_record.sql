{{ config(enabled=adapter_is_on()) }}

select
    contact_id as source_record_id,
    given_name,
    family_name,
    birth_date,
    gender,
    email,
    phone
from {{ ref('stg_contoso_crm__contacts') }}
