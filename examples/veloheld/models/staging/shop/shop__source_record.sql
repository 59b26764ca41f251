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
    registered_at as recorded_at
from {{ ref('stg_shop__customers') }}

union all

-- The e-mail address is the only identifier of a guest.
select
    'guest ' || guest_email as source_record_id,
    cast(null as {{ dbt.type_string() }}) as given_name,
    cast(null as {{ dbt.type_string() }}) as family_name,
    guest_email as email,
    cast(null as {{ dbt.type_string() }}) as phone,
    cast(null as {{ dbt.type_string() }}) as street,
    cast(null as {{ dbt.type_string() }}) as postal_code,
    cast(null as {{ dbt.type_string() }}) as city,
    cast(null as {{ dbt.type_string() }}) as country,
    min(ordered_at) as recorded_at
from {{ ref('stg_shop__orders') }}
where customer_no is null and {{ context360.usable_identifier('guest_email', "'email'") }} is not null
group by guest_email
