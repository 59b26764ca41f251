{{ config(enabled=context360.adapter_is_on()) }}

select
    answer_id as survey_answer_id,
    'survey_answer' as touchpoint,
    case when email is not null then 'email' end as identifier_kind,
    email as identifier_value,
    survey as survey_kind,
    survey || ': ' || question as question,
    survey in ('nps', 'csat') as is_about_satisfaction,
    score,
    case when survey = 'nps' then 0 else 1 end as scale_minimum,
    scale_maximum,
    verbatim,
    language,
    order_no as order_id,
    answered_at
from {{ ref('stg_survey__answers') }}
