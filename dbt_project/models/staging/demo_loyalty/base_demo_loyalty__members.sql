{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_loyalty', 'members') }}
),

renamed as (
    select
        {{ clean_text('card_no') }} as loyalty_number,
        {{ clean_text('title') }} as salutation,
        {{ clean_text('first_name') }} as given_name_original,
        {{ clean_name('first_name') }} as given_name,
        {{ clean_text('surname') }} as family_name_original,
        {{ clean_name('surname') }} as family_name,
        {{ clean_text('date_of_birth') }} as raw_birth_date,
        {{ date_from_iso_text('date_of_birth') }} as birth_date,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        {{ clean_text('mobile') }} as phone_original,
        {{ comparable_phone('mobile', "'NL'") }} as phone,
        {{ clean_text('postcode') }} as postal_code_original,
        {{ comparable_postal_code('postcode') }} as postal_code,
        {{ clean_text('joined_on') }} as raw_joined_on,
        {{ date_from_iso_text('joined_on') }} as joined_on,
        {{ clean_text('points') }} as raw_loyalty_points,
        {{ number_from_text('points', 'bigint') }} as loyalty_points,
        lower({{ clean_text('tier') }}) as loyalty_tier,
        {{ clean_text('crm_account_id') }} as crm_account_id,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['loyalty_number'],
    parsed=['birth_date', 'joined_on', 'loyalty_points'],
    required=['joined_on'],
    keep_superseded=true
) }}
