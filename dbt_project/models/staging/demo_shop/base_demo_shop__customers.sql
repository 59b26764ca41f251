{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_shop', 'customers') }}
),

renamed as (
    select
        {{ clean_text('customer_no') }} as customer_no,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        {{ clean_text('name') }} as full_name,
        {{ given_name_of('name') }} as given_name,
        {{ family_name_of('name') }} as family_name,
        {{ clean_text('phone') }} as phone_original,
        {{ comparable_phone('phone', "country") }} as phone,
        {{ clean_text('street') }} as street,
        {{ clean_text('zip') }} as postal_code_original,
        {{ comparable_postal_code('zip') }} as postal_code,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,
        {{ clean_text('newsletter') }} as raw_is_newsletter_subscriber,
        {{ boolean_from_yes_no('newsletter') }} as is_newsletter_subscriber,
        {{ clean_text('registered_at') }} as raw_registered_at,
        {{ timestamp_from_utc_text('registered_at') }} as registered_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['customer_no'],
    parsed=['is_newsletter_subscriber', 'registered_at'],
    required=['registered_at'],
    rules=[{
        'name': 'email_is_no_address',
        'when': is_no_email('email'),
        'reason': 'email is no address, with which nobody can have an account',
    }],
    keep_superseded=true
) }}
