{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'customers') }}
),

renamed as (
    select
        {{ context360.clean_text('customer_no') }} as customer_no,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('name') }} as full_name,
        {{ context360.given_name_of('name') }} as given_name,
        {{ context360.family_name_of('name') }} as family_name,
        {{ context360.clean_text('phone') }} as phone_original,
        {{ context360.comparable_phone('phone', "country") }} as phone,
        {{ context360.clean_text('street') }} as street,
        {{ context360.clean_text('zip') }} as postal_code_original,
        {{ context360.comparable_postal_code('zip') }} as postal_code,
        {{ context360.clean_text('city') }} as city,
        {{ context360.clean_text('country') }} as country,
        {{ context360.clean_text('newsletter') }} as raw_is_newsletter_subscriber,
        {{ context360.boolean_from_yes_no('newsletter') }} as is_newsletter_subscriber,
        {{ context360.clean_text('registered_at') }} as raw_registered_at,
        {{ context360.timestamp_from_utc_text('registered_at') }} as registered_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['customer_no'],
    parsed=['is_newsletter_subscriber', 'registered_at'],
    required=['registered_at'],
    rules=[{
        'name': 'email_is_no_address',
        'when': context360.is_no_email('email'),
        'reason': 'email is not an address, so the account cannot be used',
    }],
    keep_superseded=true
) }}
