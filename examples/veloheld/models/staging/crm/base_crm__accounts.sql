{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('crm', 'accounts') }}
),

renamed as (
    select
        {{ context360.clean_text('account_id') }} as account_id,
        {{ context360.clean_text('salutation') }} as salutation,
        {{ context360.clean_text('first_name') }} as given_name_original,
        {{ context360.clean_name('first_name') }} as given_name,
        {{ context360.clean_text('last_name') }} as family_name_original,
        {{ context360.clean_name('last_name') }} as family_name,
        {{ context360.clean_text('birth_date') }} as raw_birth_date,
        {{ context360.date_from_day_first_text('birth_date') }} as birth_date,
        case lower({{ context360.clean_text('gender') }})
            when 'm' then 'male' when 'f' then 'female' when 'x' then 'other'
        end
            as gender,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('mobile') }} as mobile_original,
        {{ context360.comparable_phone('mobile', "country") }} as mobile,
        {{ context360.clean_text('phone') }} as phone_original,
        {{ context360.comparable_phone('phone', "country") }} as phone,
        {{ context360.clean_text('street') }} as street,
        {{ context360.clean_text('house_no') }} as house_number,
        {{ context360.clean_text('postcode') }} as postal_code_original,
        {{ context360.comparable_postal_code('postcode') }} as postal_code,
        {{ context360.clean_text('city') }} as city,
        {{ context360.clean_text('country') }} as country,
        lower({{ context360.clean_text('language') }}) as language,
        {{ context360.clean_text('occupation') }} as occupation,
        {{ context360.clean_text('income_band') }} as income_band,
        {{ context360.clean_text('loyalty_no') }} as loyalty_number,
        {{ context360.clean_text('created_at') }} as raw_created_at,
        {{ context360.timestamp_from_utc_text('created_at') }} as created_at,
        {{ context360.clean_text('updated_at') }} as raw_updated_at,
        {{ context360.timestamp_from_utc_text('updated_at') }} as updated_at,
        deleted = 1 as is_deleted,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['account_id'],
    parsed=['birth_date', 'created_at', 'updated_at'],
    version=['updated_at'],
    deleted='is_deleted',
    keep_superseded=true
) }}
