{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'contacts') }}
),

renamed as (
    select
        {{ context360.clean_text('contact_id') }} as contact_id,
        {{ context360.clean_text('first_name') }} as given_name_original,
        {{ context360.clean_name('first_name') }} as given_name,
        {{ context360.clean_text('last_name') }} as family_name_original,
        {{ context360.clean_name('last_name') }} as family_name,
        {{ context360.clean_text('full_name') }} as full_name,
        {{ context360.clean_text('date_of_birth') }} as raw_birth_date,
        {{ context360.date_from_us_text('date_of_birth') }} as birth_date,
        lower({{ context360.clean_text('gender') }}) as gender,
        {{ context360.clean_text('e_mail') }} as email_original,
        {{ context360.comparable_email('e_mail') }} as email,
        {{ context360.clean_text('telephone') }} as phone_original,
        {{ context360.comparable_phone('telephone', "'US'") }} as phone,
        {{ context360.clean_text('post_code') }} as postal_code_original,
        {{ context360.comparable_postal_code('post_code') }} as postal_code,
        {{ context360.clean_text('street_address') }} as street_address,
        {{ context360.clean_text('city') }} as city,
        {{ context360.clean_text('state') }} as region,
        {{ context360.clean_text('country') }} as country,
        {{ context360.clean_text('created_on') }} as raw_created_on,
        {{ context360.date_from_us_text('created_on') }} as created_on,
        lower({{ context360.clean_text('loyalty_tier') }}) as loyalty_tier,
        {{ context360.clean_text('email_subscriber') }} as raw_is_email_subscriber,
        {{ context360.boolean_from_yes_no('email_subscriber') }} as is_email_subscriber,
        {{ context360.clean_text('income') }} as raw_annual_income_amount,
        {{ context360.money_from_text('income') }} as annual_income_amount,
        {{ context360.clean_text('occupation') }} as occupation,
        lower({{ context360.clean_text('customer_satisfaction') }}) as stated_satisfaction,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['contact_id'],
    parsed=['birth_date', 'created_on', 'is_email_subscriber', 'annual_income_amount']
) }}
