{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('contoso_loyalty', 'members') }}
),

renamed as (
    select
        {{ clean_text('loyalty_id') }} as loyalty_id,
        {{ clean_text('contact_id') }} as contact_id,
        {{ clean_text('first_name') }} as given_name_original,
        {{ clean_name('first_name') }} as given_name,
        {{ clean_text('last_name') }} as family_name_original,
        {{ clean_name('last_name') }} as family_name,
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('date_of_birth') }} as raw_birth_date,
        {{ date_from_iso_text('date_of_birth') }} as birth_date,
        lower({{ clean_text('gender') }}) as gender,
        {{ clean_text('e_mail') }} as email_original,
        {{ comparable_email('e_mail') }} as email,
        {{ clean_text('telephone') }} as phone_original,
        {{ comparable_phone('telephone', "'US'") }} as phone,
        {{ clean_text('reward_points') }} as raw_reward_points,
        {{ number_from_text('reward_points', 'integer') }} as reward_points,
        {{ clean_text('credit_card') }} as raw_has_credit_card,
        {{ boolean_from_yes_no('credit_card') }} as has_credit_card,
        {{ clean_text('created_on') }} as raw_created_on,
        {{ date_from_iso_text('created_on') }} as created_on,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['loyalty_id'],
    parsed=['birth_date', 'reward_points', 'has_credit_card', 'created_on']
) }}
