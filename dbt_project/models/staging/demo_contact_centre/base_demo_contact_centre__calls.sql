{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_contact_centre', 'calls') }}
),

renamed as (
    select
        {{ clean_text('call_id') }} as call_id,
        {{ clean_text('caller_number') }} as phone_original,
        {{ comparable_phone('caller_number', "'NL'") }} as phone,
        lower({{ clean_text('direction') }}) as direction,
        {{ clean_text('started_at') }} as raw_started_at,
        {{ timestamp_from_utc_text('started_at') }} as started_at,
        {{ clean_text('duration_seconds') }} as raw_duration_seconds,
        {{ number_from_text('duration_seconds', 'bigint') }} as duration_seconds,
        lower({{ clean_text('queue') }}) as queue,
        {{ clean_text('agent_id') }} as agent_id,
        {{ clean_text('account_id') }} as account_id,
        lower({{ clean_text('reason') }}) as reason,
        lower({{ clean_text('outcome') }}) as outcome,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
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
