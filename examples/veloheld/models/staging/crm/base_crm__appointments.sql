{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('crm', 'appointments') }}
),

renamed as (
    select
        {{ context360.clean_text('appointment_id') }} as appointment_id,
        {{ context360.clean_text('account_id') }} as account_id,
        lower({{ context360.clean_text('kind') }}) as kind,
        {{ context360.clean_text('store_id') }} as store_id,
        {{ context360.clean_text('starts_at') }} as raw_starts_at,
        {{ context360.timestamp_from_utc_text('starts_at') }} as starts_at,
        lower({{ context360.clean_text('status') }}) as status,
        {{ context360.clean_text('created_at') }} as raw_created_at,
        {{ context360.timestamp_from_utc_text('created_at') }} as created_at,
        {{ context360.clean_text('updated_at') }} as raw_updated_at,
        {{ context360.timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['appointment_id'],
    parsed=['starts_at', 'created_at', 'updated_at'],
    required=['account_id', 'created_at'],
    version=['updated_at']
) }}
