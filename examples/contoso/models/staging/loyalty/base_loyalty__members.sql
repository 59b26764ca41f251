{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('loyalty', 'members') }}
),

renamed as (
    select
        {{ context360.clean_text('loyalty_id') }} as loyalty_id,
        {{ context360.clean_text('contact_id') }} as contact_id,
        {{ context360.clean_text('first_name') }} as given_name_original,
        {{ context360.clean_name('first_name') }} as given_name,
        {{ context360.clean_text('last_name') }} as family_name_original,
        {{ context360.clean_name('last_name') }} as family_name,
        {{ context360.clean_text('full_name') }} as full_name,
        {{ context360.clean_text('date_of_birth') }} as raw_birth_date,
        {{ context360.date_from_iso_text('date_of_birth') }} as birth_date,
        lower({{ context360.clean_text('gender') }}) as gender,
        {{ context360.clean_text('e_mail') }} as email_original,
        {{ context360.comparable_email('e_mail') }} as email,
        {{ context360.clean_text('telephone') }} as phone_original,
        {{ context360.comparable_phone('telephone', "'US'") }} as phone,
        {{ context360.clean_text('reward_points') }} as raw_reward_points,
        {{ context360.number_from_text('reward_points', 'integer') }} as reward_points,
        {{ context360.clean_text('credit_card') }} as raw_has_credit_card,
        {{ context360.boolean_from_yes_no('credit_card') }} as has_credit_card,
        {{ context360.clean_text('created_on') }} as raw_created_on,
        {{ context360.date_from_iso_text('created_on') }} as created_on,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['loyalty_id'],
    parsed=['birth_date', 'reward_points', 'has_credit_card', 'created_on']
) }}
