-- The oldest complaint of each customer that was open at the as of, as one could know then.
with complaints_ranked as (
    select
        complaints.customer_key,
        complaints.complaint_kind,
        complaints.opened_at,
        case when complaints.reopened_at < {{ as_of() }} then complaints.reopened_at end as reopened_at,
        row_number() over (
            partition by complaints.customer_key order by complaints.opened_at, complaints.complaint_key
        ) as oldest_rank
    from {{ ref('fct_complaint') }} as complaints
    where
        complaints.customer_key > 0
        and complaints.opened_at < {{ as_of() }}
        and {{ is_open_at('complaints', as_of()) }}
)

select * from complaints_ranked
where oldest_rank = 1
