{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('contact_centre', 'calls') }}
),

renamed as (
    select
        {{ context360.clean_text('call_id') }} as call_id,
        {{ context360.clean_text('caller_number') }} as phone_original,
        {{ context360.comparable_phone('caller_number', "'NL'") }} as phone,
        lower({{ context360.clean_text('direction') }}) as direction,
        {{ context360.clean_text('started_at') }} as raw_started_at,
        {{ context360.timestamp_from_utc_text('started_at') }} as started_at,
        {{ context360.clean_text('duration_seconds') }} as raw_duration_seconds,
        {{ context360.number_from_text('duration_seconds', 'bigint') }} as duration_seconds,
        lower({{ context360.clean_text('queue') }}) as queue,
        {{ context360.clean_text('agent_id') }} as agent_id,
        {{ context360.clean_text('account_id') }} as account_id,
        lower({{ context360.clean_text('reason') }}) as reason,
        lower({{ context360.clean_text('outcome') }}) as outcome,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['call_id'],
    parsed=['started_at', 'duration_seconds'],
    required=['direction', 'started_at'],
    rules=[{
        'name': 'duration_is_negative',
        'when': 'duration_seconds < 0',
        'reason': 'duration_seconds is negative',
    }]
) }}
