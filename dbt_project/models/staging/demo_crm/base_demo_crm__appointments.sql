{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_crm', 'appointments') }}
),

renamed as (
    select
        {{ clean_text('appointment_id') }} as appointment_id,
        {{ clean_text('account_id') }} as account_id,
        lower({{ clean_text('kind') }}) as kind,
        {{ clean_text('store_id') }} as store_id,
        {{ clean_text('starts_at') }} as raw_starts_at,
        {{ timestamp_from_utc_text('starts_at') }} as starts_at,
        lower({{ clean_text('status') }}) as status,
        {{ clean_text('created_at') }} as raw_created_at,
        {{ timestamp_from_utc_text('created_at') }} as created_at,
        {{ clean_text('updated_at') }} as raw_updated_at,
        {{ timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['appointment_id'],
    parsed=['starts_at', 'created_at', 'updated_at'],
    required=['account_id', 'created_at'],
    version=['updated_at']
) }}
