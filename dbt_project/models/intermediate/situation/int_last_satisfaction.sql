-- The newest answer of each customer about their satisfaction before the as of.
with ranked_answers as (
    select
        customer_key,
        score,
        scale_maximum,
        answered_at,
        row_number() over (partition by customer_key order by answered_at desc, survey_answer_key desc) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where answered_at < {{ as_of() }} and customer_key > 0 and is_about_satisfaction
)

select * from ranked_answers
where newest_rank = 1
