{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_crm', 'social_handles') }}
),

renamed as (
    select
        {{ clean_text('handle_id') }} as handle_id,
        {{ clean_text('account_id') }} as account_id,
        lower({{ clean_text('network') }}) as network,
        {{ clean_text('handle') }} as handle,
        opt_in = 1 as has_opted_in,
        {{ clean_text('updated_at') }} as raw_updated_at,
        {{ timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['handle_id'],
    parsed=['updated_at'],
    required=['account_id', 'handle'],
    version=['updated_at']
) }}
