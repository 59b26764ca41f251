with answers as (
    select * from {{ ref('int_survey_answer') }}
)

select
    {{ integer_key(['answers.source_system', 'answers.survey_answer_id']) }} as survey_answer_key,
    {{ integer_key(['answers.source_system', 'answers.survey_answer_id']) }} as interaction_key,
    {{ customer_key_or_unknown() }} as customer_key,
    coalesce(touchpoints.touchpoint_key, -1) as touchpoint_key,
    {{ date_key('answers.answered_at') }} as answered_date_key,
    answers.answered_at,
    answers.question,
    coalesce(answers.is_about_satisfaction, false) as is_about_satisfaction,
    answers.score,
    answers.scale_minimum,
    answers.scale_maximum,
    answers.verbatim,
    sentiments.sentiment,
    sentiments.sentiment_label,
    answers.source_system,
    answers.survey_answer_id as source_survey_answer_id
from answers
left join {{ ref('int_text_sentiment') }} as sentiments
    on {{ text_key('answers.verbatim', 'answers.language') }} = sentiments.text_key
{{ join_customer('answers') }}
left join {{ ref('touchpoints') }} as touchpoints on answers.touchpoint = touchpoints.touchpoint
