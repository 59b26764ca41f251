{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('consent', 'changes') }}
),

renamed as (
    select
        {{ context360.clean_text('change_id') }} as change_id,
        {{ context360.clean_text('account_id') }} as account_id,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        lower({{ context360.clean_text('purpose') }}) as purpose,
        lower({{ context360.clean_text('channel') }}) as channel,
        {{ context360.clean_text('granted') }} as raw_is_granted,
        {{ context360.boolean_from_digit('granted') }} as is_granted,
        lower({{ context360.clean_text('basis') }}) as lawful_basis,
        {{ context360.clean_text('changed_at') }} as raw_changed_at,
        {{ context360.timestamp_from_utc_text('changed_at') }} as changed_at,
        lower({{ context360.clean_text('source') }}) as given_through,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['change_id'],
    moment='changed_at',
    parsed=['is_granted', 'changed_at'],
    required=['purpose', 'channel', 'is_granted', 'changed_at'],
    rules=[{
        'name': 'email_is_no_address',
        'when': context360.is_no_email('email'),
        'reason': 'email is not an address, so the consent belongs to no known person',
    }]
) }}
