{{ config(enabled=context360.adapter_is_on()) }}

with messages as (
    select
        *,
        lag(message_id) over conversation as previous_message_id,
        lag(direction) over conversation as previous_direction,
        row_number() over conversation as place
    from {{ ref('stg_chat__messages') }}
    window conversation as (partition by conversation_id order by sent_at, message_id)
)

select
    message_id as source_interaction_id,
    -- Only the first message earns points; later messages belong to the same conversation.
    case
        when direction = 'out' then 'chat_outbound'
        when place = 1 then 'chat_started'
        else 'chat_inbound'
    end as touchpoint,
    case
        when phone is not null then 'phone' when email is not null then 'email' when cookie_id is not null then 'cookie'
    end
        as identifier_kind,
    coalesce(phone, email, cookie_id) as identifier_value,
    sent_at as happened_at,
    channel || ': ' || message_text as detail,
    cookie_id as device_id,
    conversation_id as session_id,
    case when previous_direction <> direction then previous_message_id end as responds_to_id,
    case when direction = 'in' then message_text end as verbatim
from messages
