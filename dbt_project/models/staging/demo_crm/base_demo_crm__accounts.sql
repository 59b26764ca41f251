{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_crm', 'accounts') }}
),

renamed as (
    select
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('salutation') }} as salutation,
        {{ clean_text('first_name') }} as given_name_original,
        {{ clean_name('first_name') }} as given_name,
        {{ clean_text('last_name') }} as family_name_original,
        {{ clean_name('last_name') }} as family_name,
        {{ clean_text('birth_date') }} as raw_birth_date,
        {{ date_from_day_first_text('birth_date') }} as birth_date,
        case lower({{ clean_text('gender') }}) when 'm' then 'male' when 'f' then 'female' when 'x' then 'other' end as gender,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        {{ clean_text('mobile') }} as mobile_original,
        {{ comparable_phone('mobile', "country") }} as mobile,
        {{ clean_text('phone') }} as phone_original,
        {{ comparable_phone('phone', "country") }} as phone,
        {{ clean_text('street') }} as street,
        {{ clean_text('house_no') }} as house_number,
        {{ clean_text('postcode') }} as postal_code_original,
        {{ comparable_postal_code('postcode') }} as postal_code,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,
        lower({{ clean_text('language') }}) as language,
        {{ clean_text('occupation') }} as occupation,
        {{ clean_text('income_band') }} as income_band,
        {{ clean_text('loyalty_no') }} as loyalty_number,
        {{ clean_text('created_at') }} as raw_created_at,
        {{ timestamp_from_utc_text('created_at') }} as created_at,
        {{ clean_text('updated_at') }} as raw_updated_at,
        {{ timestamp_from_utc_text('updated_at') }} as updated_at,
        deleted = 1 as is_deleted,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['account_id'],
    parsed=['birth_date', 'created_at', 'updated_at'],
    version=['updated_at'],
    deleted='is_deleted',
    keep_superseded=true
) }}
