{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('chat', 'messages') }}
),

renamed as (
    select
        {{ context360.clean_text('message_id') }} as message_id,
        {{ context360.clean_text('conversation_id') }} as conversation_id,
        lower({{ context360.clean_text('channel') }}) as channel,
        lower({{ context360.clean_text('direction') }}) as direction,
        {{ context360.clean_text('sent_at') }} as raw_sent_at,
        {{ context360.timestamp_from_utc_text('sent_at') }} as sent_at,
        {{ context360.clean_text('phone') }} as phone_original,
        {{ context360.comparable_phone('phone', "'NL'") }} as phone,
        {{ context360.clean_text('email') }} as email_original,
        {{ context360.comparable_email('email') }} as email,
        {{ context360.clean_text('cookie_id') }} as cookie_id,
        {{ context360.clean_text('text') }} as message_text,
        {{ context360.clean_text('agent_id') }} as agent_id,
        {{ context360.clean_text('updated_at') }} as raw_updated_at,
        {{ context360.timestamp_from_utc_text('updated_at') }} as updated_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['message_id'],
    moment='sent_at',
    parsed=['sent_at', 'updated_at'],
    required=['conversation_id', 'direction', 'sent_at'],
    version=['updated_at']
) }}
