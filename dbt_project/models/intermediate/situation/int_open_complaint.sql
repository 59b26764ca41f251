-- The complaint of each customer that was open at the as of, as one could know then: one that waits for an answer
-- before one that has had it, and then the oldest.
with open_complaints as (
    select
        complaints.customer_key,
        complaints.complaint_key,
        complaints.session_key,
        complaints.complaint_kind,
        complaints.opened_at,
        case when complaints.first_answered_at < {{ as_of() }} then complaints.first_answered_at end
            as first_answered_at,
        case when complaints.reopened_at < {{ as_of() }} then complaints.reopened_at end as reopened_at
    from {{ ref('fct_complaint') }} as complaints
    where
        complaints.customer_key > 0
        and complaints.opened_at < {{ as_of() }}
        and {{ is_open_at('complaints', as_of()) }}
),

-- The complaint itself bears the first answer only.
with_answers as (
    select
        complaints.*,
        case
            when answers.last_answered_at > complaints.first_answered_at then answers.last_answered_at
            else coalesce(complaints.first_answered_at, answers.last_answered_at)
        end as last_answered_at
    from open_complaints as complaints
    left join {{ ref('int_last_answer') }} as answers on complaints.session_key = answers.session_key
),

-- An answer before the complaint was reopened did not settle it.
waiting as (
    select
        customer_key,
        complaint_key,
        complaint_kind,
        opened_at,
        reopened_at,
        case when reopened_at is null or last_answered_at > reopened_at then last_answered_at end as answered_at
    from with_answers
),

complaints_ranked as (
    select
        customer_key,
        complaint_kind,
        opened_at,
        reopened_at,
        answered_at,
        {{ dbt.datediff('answered_at', as_of(), 'second') }} / 86400.0 as days_since_answer,
        row_number() over (
            partition by customer_key
            order by case when answered_at is null then 0 else 1 end, opened_at, complaint_key
        ) as oldest_rank
    from waiting
)

select * from complaints_ranked
where oldest_rank = 1
