{{ config(enabled=context360.adapter_is_on()) }}

with steps as (
    select
        complaint_id,
        min(case when status in ('answered', 'resolved') then changed_at end) as first_answered_at,
        min(case when status = 'resolved' then changed_at end) as first_resolved_at,
        max(case when status = 'resolved' then changed_at end) as last_resolved_at,
        max(case when status = 'reopened' then changed_at end) as reopened_at,
        max(case when status = 'closed' then changed_at end) as closed_at,
        sum(case when status = 'reopened' then 1 else 0 end) as reopened_count
    from {{ ref('stg_helpdesk__complaint_history') }}
    group by complaint_id
)

select
    complaints.complaint_id,
    case
        when complaints.account_id is not null then 'crm_account_id'
        when complaints.email is not null then 'email'
        when complaints.phone is not null then 'phone'
    end as identifier_kind,
    coalesce(complaints.account_id, complaints.email, complaints.phone) as identifier_value,
    -- The helpdesk records the subject in the customer's language.
    case
        when complaints.subject in ('Accu defect', 'Akku defekt', 'Battery broken') then 'battery'
        when complaints.subject in ('Levering te laat', 'Lieferung zu spät', 'Late delivery') then 'late_delivery'
        when complaints.subject in ('Verkeerd artikel', 'Falscher Artikel', 'Wrong item') then 'wrong_item'
        when complaints.subject in ('Rekening klopt niet', 'Rechnung stimmt nicht', 'Invoice is wrong') then 'invoice'
        when complaints.subject in ('Reparatie niet goed', 'Reparatur mangelhaft', 'Poor repair') then 'repair'
        when complaints.subject is not null then 'other'
    end as complaint_kind,
    complaints.subject,
    complaints.product_id,
    complaints.status as state,
    complaints.opened_at,
    steps.first_answered_at,
    steps.first_resolved_at,
    -- A reopened complaint is resolved only if the resolution is later.
    case when steps.reopened_at is null or steps.last_resolved_at > steps.reopened_at then steps.last_resolved_at end
        as resolved_at,
    steps.reopened_at,
    steps.closed_at,
    coalesce(steps.reopened_count, 0) as reopened_count,
    complaints.updated_at as changed_at
from {{ ref('stg_helpdesk__complaints') }} as complaints
left join steps on complaints.complaint_id = steps.complaint_id
