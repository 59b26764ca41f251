{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('crm', 'contacts') }}
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
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['contact_id'],
    parsed=['birth_date']
) }}
