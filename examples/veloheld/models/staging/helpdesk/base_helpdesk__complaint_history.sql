{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('helpdesk', 'complaint_history') }}
),

renamed as (
    select
        {{ context360.clean_text('history_id') }} as history_id,
        {{ context360.clean_text('complaint_id') }} as complaint_id,
        lower({{ context360.clean_text('status') }}) as status,
        {{ context360.clean_text('changed_at') }} as raw_changed_at,
        {{ context360.timestamp_from_utc_text('changed_at') }} as changed_at,
        {{ context360.clean_text('note') }} as note,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['history_id'],
    moment='changed_at',
    parsed=['changed_at'],
    required=['complaint_id', 'status', 'changed_at']
) }}
