{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('crm', 'social_handles') }}
),

renamed as (
    select
        {{ context360.clean_text('handle_id') }} as handle_id,
        {{ context360.clean_text('account_id') }} as account_id,
        lower({{ context360.clean_text('network') }}) as network,
        {{ context360.clean_text('handle') }} as handle,
        opt_in = 1 as has_opted_in,
        {{ context360.clean_text('updated_at') }} as raw_updated_at,
        {{ context360.timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['handle_id'],
    parsed=['updated_at'],
    required=['account_id', 'handle'],
    version=['updated_at']
) }}
