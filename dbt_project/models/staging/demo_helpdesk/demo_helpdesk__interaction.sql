{{ config(enabled=adapter_is_on()) }}

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
    history.status as detail
from {{ ref('stg_demo_helpdesk__complaint_history') }} as history
inner join {{ ref('stg_demo_helpdesk__complaints') }} as complaints on history.complaint_id = complaints.complaint_id
