{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_helpdesk', 'complaint_history') }}
),

renamed as (
    select
        {{ clean_text('history_id') }} as history_id,
        {{ clean_text('complaint_id') }} as complaint_id,
        lower({{ clean_text('status') }}) as status,
        {{ clean_text('changed_at') }} as raw_changed_at,
        {{ timestamp_from_utc_text('changed_at') }} as changed_at,
        {{ clean_text('note') }} as note,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['history_id'],
    parsed=['changed_at'],
    required=['complaint_id', 'status', 'changed_at']
) }}
