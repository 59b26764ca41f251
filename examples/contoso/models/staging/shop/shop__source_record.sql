{{ config(enabled=context360.adapter_is_on()) }}

select
    contact_id as source_record_id,
    given_name,
    family_name,
    birth_date,
    gender,
    email,
    phone,
    street_address as street,
    postal_code,
    city,
    region,
    country,
    occupation,
    annual_income_amount,
    'USD' as annual_income_currency,
    loyalty_tier,
    stated_satisfaction,
    cast(created_on as timestamp) as recorded_at
from {{ ref('stg_shop__contacts') }}
