{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('loyalty', 'members') }}
),

renamed as (
    select
        {{ context360.clean_text('card_no') }} as loyalty_number,
        {{ context360.clean_text('title') }} as salutation,
        {{ context360.clean_text('first_name') }} as given_name_original,
        {{ context360.clean_name('first_name') }} as given_name,
        {{ context360.clean_text('surname') }} as family_name_original,
        {{ context360.clean_name('surname') }} as family_name,
        {{ context360.clean_text('date_of_birth') }} as raw_birth_date,
        {{ context360.date_from_iso_text('date_of_birth') }} as birth_date,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('mobile') }} as phone_original,
        {{ context360.comparable_phone('mobile', "'NL'") }} as phone,
        {{ context360.clean_text('postcode') }} as postal_code_original,
        {{ context360.comparable_postal_code('postcode') }} as postal_code,
        {{ context360.clean_text('joined_on') }} as raw_joined_on,
        {{ context360.date_from_iso_text('joined_on') }} as joined_on,
        {{ context360.clean_text('points') }} as raw_loyalty_points,
        {{ context360.number_from_text('points', 'bigint') }} as loyalty_points,
        lower({{ context360.clean_text('tier') }}) as loyalty_tier,
        {{ context360.clean_text('crm_account_id') }} as crm_account_id,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['loyalty_number'],
    parsed=['birth_date', 'joined_on', 'loyalty_points'],
    required=['joined_on'],
    keep_superseded=true
) }}
