{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_consent', 'changes') }}
),

renamed as (
    select
        {{ clean_text('change_id') }} as change_id,
        {{ clean_text('account_id') }} as account_id,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        lower({{ clean_text('purpose') }}) as purpose,
        lower({{ clean_text('channel') }}) as channel,
        {{ clean_text('granted') }} as raw_is_granted,
        {{ boolean_from_digit('granted') }} as is_granted,
        lower({{ clean_text('basis') }}) as lawful_basis,
        {{ clean_text('changed_at') }} as raw_changed_at,
        {{ timestamp_from_utc_text('changed_at') }} as changed_at,
        lower({{ clean_text('source') }}) as given_through,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['change_id'],
    parsed=['is_granted', 'changed_at'],
    required=['purpose', 'channel', 'is_granted', 'changed_at'],
    rules=[{
        'name': 'email_is_no_address',
        'when': is_no_email('email'),
        'reason': 'email is no address, so nobody can tell whose consent it is',
    }]
) }}
