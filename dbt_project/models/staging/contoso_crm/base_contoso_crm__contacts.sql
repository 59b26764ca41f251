{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('contoso_crm', 'contacts') }}
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
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['contact_id'],
    parsed=['birth_date']
) }}
