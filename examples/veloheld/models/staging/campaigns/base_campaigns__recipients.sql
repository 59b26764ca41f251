{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('campaigns', 'recipients') }}
),

renamed as (
    select
        -- The system has no key. Account and moment distinguish two people with one address.
        cast({{ context360.integer_key([
            'campaign_id', 'offer_id', 'email', "coalesce(account_id, '')", "coalesce(sent_at, '')"
        ]) }} as {{ dbt.type_string() }}) as recipient_id,
        {{ context360.clean_text('campaign_id') }} as campaign_id,
        {{ context360.clean_text('offer_id') }} as offer_id,
        {{ context360.clean_text('account_id') }} as account_id,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('is_holdout') }} as raw_is_holdout,
        {{ context360.boolean_from_digit('is_holdout') }} as is_holdout,
        {{ context360.clean_text('sent_at') }} as raw_sent_at,
        {{ context360.timestamp_from_utc_text('sent_at') }} as sent_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['recipient_id'],
    parsed=['is_holdout', 'sent_at'],
    required=['campaign_id', 'offer_id', 'is_holdout'],
    rules=[{
        'name': 'sent_at_is_missing',
        'when': 'sent_at is null and not is_holdout',
        'reason': 'sent_at is empty although the recipient is not held out',
    }]
) }}
