{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('contoso_shop', 'contacts') }}
),

renamed as (
    select
        {{ clean_text('contact_id') }} as contact_id,
        {{ clean_text('first_name') }} as given_name_original,
        {{ clean_name('first_name') }} as given_name,
        {{ clean_text('last_name') }} as family_name_original,
        {{ clean_name('last_name') }} as family_name,
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('date_of_birth') }} as raw_birth_date,
        {{ date_from_us_text('date_of_birth') }} as birth_date,
        lower({{ clean_text('gender') }}) as gender,
        {{ clean_text('e_mail') }} as email_original,
        {{ comparable_email('e_mail') }} as email,
        {{ clean_text('telephone') }} as phone_original,
        {{ comparable_phone('telephone', "'US'") }} as phone,
        {{ clean_text('post_code') }} as postal_code_original,
        {{ comparable_postal_code('post_code') }} as postal_code,
        {{ clean_text('street_address') }} as street_address,
        {{ clean_text('city') }} as city,
        {{ clean_text('state') }} as region,
        {{ clean_text('country') }} as country,
        {{ clean_text('created_on') }} as raw_created_on,
        {{ date_from_us_text('created_on') }} as created_on,
        lower({{ clean_text('loyalty_tier') }}) as loyalty_tier,
        {{ clean_text('email_subscriber') }} as raw_is_email_subscriber,
        {{ boolean_from_yes_no('email_subscriber') }} as is_email_subscriber,
        {{ clean_text('income') }} as raw_annual_income_amount,
        {{ money_from_text('income') }} as annual_income_amount,
        {{ clean_text('occupation') }} as occupation,
        lower({{ clean_text('customer_satisfaction') }}) as stated_satisfaction,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['contact_id'],
    parsed=['birth_date', 'created_on', 'is_email_subscriber', 'annual_income_amount']
) }}
