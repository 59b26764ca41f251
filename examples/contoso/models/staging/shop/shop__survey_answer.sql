{{ config(enabled=context360.adapter_is_on()) }}

-- A review counts as an answer to one unasked question: how many stars, and why?
select
    review_id as survey_answer_id,
    'web_review' as touchpoint,
    'contact_id' as identifier_kind,
    contact_id as identifier_value,
    'review_rating' as question,
    true as is_about_satisfaction,
    cast(review_rating as decimal(18, 6)) as score,
    1 as scale_minimum,
    5 as scale_maximum,
    review_text as verbatim,
    cast(reviewed_on as timestamp) as answered_at
from {{ ref('stg_shop__reviews') }}
