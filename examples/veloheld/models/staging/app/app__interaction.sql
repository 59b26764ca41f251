{{ config(enabled=context360.adapter_is_on()) }}

with events as (
    select * from {{ ref('stg_app__events') }}
),

pushes as (
    select
        event_id,
        kind,
        lag(kind) over of_telephone as previous_kind,
        lag(event_id) over of_telephone as previous_event_id
    from events
    where kind in ('push_sent', 'push_opened')
    window of_telephone as (partition by device_id order by occurred_at asc, kind desc, event_id asc)
),

-- An opened push message is the last one sent to the telephone: messages are days apart.
opened_pushes as (
    select
        event_id,
        case when previous_kind = 'push_sent' then previous_event_id end as sent_event_id
    from pushes
    where kind = 'push_opened'
)

select
    events.event_id as source_interaction_id,
    'app_' || events.kind as touchpoint,
    -- A logged-in user has an e-mail address; otherwise only the telephone is known.
    case when events.email is not null then 'email' else 'device' end as identifier_kind,
    coalesce(events.email, events.device_id) as identifier_value,
    events.occurred_at as happened_at,
    events.product_id,
    coalesce(events.content_id, events.product_id) as detail,
    events.content_id,
    events.device_id,
    opened_pushes.sent_event_id as responds_to_id
from events
left join opened_pushes on events.event_id = opened_pushes.event_id
