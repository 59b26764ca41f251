-- The touchpoint of a complaint is the same in every source system.
with opening as (
    select
        touchpoints.touchpoint_key,
        touchpoints.channel
    from {{ ref('touchpoints') }} as touchpoints
    where touchpoints.touchpoint = 'complaint_opened'
),

complaints as (
    select
        *,
        coalesce(channel, (select max(opening.channel) from opening)) as opened_in
    from {{ ref('int_complaint') }}
)

select
    {{ integer_key(['complaints.source_system', 'complaints.complaint_id']) }} as complaint_key,
    {{ integer_key(['complaints.source_system', 'complaints.complaint_id']) }} as session_key,
    {{ customer_key_or_unknown() }} as customer_key,
    {{ member_key('complaints.product_id') }} as product_key,
    coalesce((select max(touchpoint_key) from opening), -1) as touchpoint_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ date_key('complaints.opened_at') }} as opened_date_key,
    {{ date_key('complaints.resolved_at') }} as resolved_date_key,
    complaints.complaint_kind,
    complaints.subject,
    complaints.severity,
    complaints.state,
    coalesce(
        complaints.state not in ('resolved', 'closed'), complaints.resolved_at is null and complaints.closed_at is null
    ) as is_open,
    complaints.opened_at,
    complaints.first_answered_at,
    complaints.first_resolved_at,
    complaints.resolved_at,
    complaints.reopened_at,
    complaints.closed_at,
    coalesce(complaints.reopened_count, 0) as reopened_count,
    cast({{ dbt.datediff('complaints.opened_at', 'complaints.first_answered_at', 'second') }} as bigint)
        as seconds_to_first_answer,
    cast({{ dbt.datediff('complaints.opened_at', 'complaints.first_resolved_at', 'second') }} as bigint)
        as seconds_to_first_resolution,
    cast({{ dbt.datediff('complaints.opened_at', 'complaints.resolved_at', 'second') }} as bigint)
        as seconds_to_resolution,
    complaints.source_system,
    complaints.complaint_id as source_complaint_id
from complaints
{{ join_customer('complaints') }}
left join {{ ref('channels') }} as channels on complaints.opened_in = channels.channel
