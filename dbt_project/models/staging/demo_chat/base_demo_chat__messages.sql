{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_chat', 'messages') }}
),

renamed as (
    select
        {{ clean_text('message_id') }} as message_id,
        {{ clean_text('conversation_id') }} as conversation_id,
        lower({{ clean_text('channel') }}) as channel,
        lower({{ clean_text('direction') }}) as direction,
        {{ clean_text('sent_at') }} as raw_sent_at,
        {{ timestamp_from_utc_text('sent_at') }} as sent_at,
        {{ clean_text('phone') }} as phone_original,
        {{ comparable_phone('phone', "'NL'") }} as phone,
        {{ clean_text('email') }} as email_original,
        {{ comparable_email('email') }} as email,
        {{ clean_text('cookie_id') }} as cookie_id,
        {{ clean_text('text') }} as message_text,
        {{ clean_text('agent_id') }} as agent_id,
        {{ clean_text('updated_at') }} as raw_updated_at,
        {{ timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['message_id'],
    parsed=['sent_at', 'updated_at'],
    required=['conversation_id', 'direction', 'sent_at'],
    version=['updated_at']
) }}
