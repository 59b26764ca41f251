{{ config(enabled=context360.adapter_is_on()) }}

with history as (
    select
        *,
        lag(history_id) over (partition by complaint_id order by changed_at, history_id) as previous_history_id
    from {{ ref('stg_helpdesk__complaint_history') }}
)

select
    history.history_id as source_interaction_id,
    case
        when history.status in ('opened', 'reopened') then 'complaint_' || history.status
        else 'complaint_answered'
    end as touchpoint,
    case
        when complaints.account_id is not null then 'crm_account_id'
        when complaints.email is not null then 'email'
        when complaints.phone is not null then 'phone'
    end as identifier_kind,
    coalesce(complaints.account_id, complaints.email, complaints.phone) as identifier_value,
    history.changed_at as happened_at,
    complaints.product_id,
    history.status as detail,
    history.complaint_id as session_id,
    history.previous_history_id as responds_to_id,
    history.status as outcome,
    case when history.status = 'opened' then complaints.subject end as verbatim
from history
-- An event of a complaint that is missing stays, without a person.
left join {{ ref('stg_helpdesk__complaints') }} as complaints on history.complaint_id = complaints.complaint_id
