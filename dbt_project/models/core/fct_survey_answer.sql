with answers as (
    select * from {{ ref('int_survey_answer') }}
)

select
    {{ integer_key(['answers.source_system', 'answers.survey_answer_id']) }} as survey_answer_key,
    {{ integer_key(['answers.source_system', 'answers.survey_answer_id']) }} as interaction_key,
    {{ customer_key_or_unknown() }} as customer_key,
    {{ order_interaction_key() }} as about_interaction_key,
    coalesce(touchpoints.touchpoint_key, -1) as touchpoint_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ date_key('answers.answered_at') }} as answered_date_key,
    answers.answered_at,
    answers.survey_kind,
    answers.question,
    coalesce(answers.is_about_satisfaction, false) as is_about_satisfaction,
    answers.score,
    answers.scale_minimum,
    answers.scale_maximum,
    -- Reichheld (2003), The One Number You Need to Grow: 9 and 10 are promoters, 0 to 6 detractors.
    case
        when answers.survey_kind <> 'nps' or answers.survey_kind is null or answers.score is null then null
        when answers.score >= 9 then 'promoter'
        when answers.score >= 7 then 'passive'
        else 'detractor'
    end as nps_class,
    answers.verbatim,
    answers.language,
    {{ profiled('sentiments.sentiment') }} as sentiment,
    {{ profiled('sentiments.sentiment_label') }} as sentiment_label,
    answers.source_system,
    answers.survey_answer_id as source_survey_answer_id
from answers
left join {{ ref('int_text_sentiment') }} as sentiments
    on {{ text_key('answers.verbatim', 'answers.language') }} = sentiments.text_key
{{ join_customer('answers') }}
left join {{ ref('touchpoints') }} as touchpoints on answers.touchpoint = touchpoints.touchpoint
left join {{ ref('channels') }} as channels on touchpoints.channel = channels.channel
{{ join_order('answers') }}
{{ join_profiling_gate(customer_key_or_unknown()) }}
