-- The newest conversation by chat in which the customer wrote last. A contact about service since then, such as a call,
-- is an answer.
with messages as (
    select
        customer_key,
        session_key,
        happened_at,
        direction,
        max(case when direction = 'outbound' then happened_at end) over (partition by customer_key) as last_sent_at
    from {{ ref('int_known_interaction') }}
    -- A complaint by chat is a need of its own.
    where channel = 'chat' and touchpoint not in ('complaint_opened', 'complaint_reopened', 'complaint_answered')
),

-- Without conversations, any later message to the customer is the answer.
waiting as (
    select
        messages.customer_key,
        min(messages.happened_at) as waits_since,
        max(messages.happened_at) as last_written_at,
        row_number() over (
            partition by messages.customer_key order by max(messages.happened_at) desc, messages.session_key
        ) as newest_rank
    from messages
    left join {{ ref('int_last_answer') }} as answers on messages.session_key = answers.session_key
    where
        messages.direction = 'inbound'
        and case
            when messages.session_key is null then coalesce(messages.last_sent_at < messages.happened_at, true)
            else coalesce(answers.last_answered_at < messages.happened_at, true)
        end
    group by messages.customer_key, messages.session_key
)

select
    waiting.customer_key,
    waiting.waits_since,
    waiting.last_written_at,
    {{ dbt.datediff('waiting.waits_since', as_of(), 'second') }} / 60.0 as waiting_minutes
from waiting
left join {{ ref('int_last_service') }} as services on waiting.customer_key = services.customer_key
where
    waiting.newest_rank = 1
    and (services.last_contacted_at is null or services.last_contacted_at <= waiting.last_written_at)
