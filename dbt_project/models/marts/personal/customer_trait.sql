-- The newest answer to each research question that is not about satisfaction.
with answers as (
    select
        *,
        row_number() over (
            partition by customer_key, survey_kind, question order by answered_at desc, survey_answer_key desc
        ) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where customer_key > 0 and answered_at < {{ as_of() }} and not is_about_satisfaction and score is not null
)

select
    customer_key,
    coalesce(survey_kind, 'research') as trait_kind,
    question as trait,
    score,
    scale_minimum,
    scale_maximum,
    cast((score - scale_minimum) / nullif(scale_maximum - scale_minimum, 0) as double) as share_of_scale,
    answered_at,
    source_system
from answers
where newest_rank = 1
