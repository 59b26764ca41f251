{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_survey', 'answers') }}
),

renamed as (
    select
        {{ clean_text('answer_id') }} as answer_id,
        {{ clean_text('respondent_email') }} as email_original,
        {{ comparable_email('respondent_email') }} as email,
        lower({{ clean_text('survey') }}) as survey,
        {{ clean_text('question') }} as question,
        {{ clean_text('score') }} as raw_score,
        {{ number_from_text('score', 'decimal(18, 3)') }} as score,
        {{ clean_text('scale_max') }} as raw_scale_maximum,
        {{ number_from_text('scale_max', 'bigint') }} as scale_maximum,
        {{ clean_text('verbatim') }} as verbatim,
        lower({{ clean_text('language') }}) as language,
        {{ clean_text('answered_at') }} as raw_answered_at,
        {{ timestamp_from_utc_text('answered_at') }} as answered_at,
        {{ clean_text('order_no') }} as order_no,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['answer_id'],
    parsed=['score', 'scale_maximum', 'answered_at'],
    required=['survey', 'answered_at'],
    rules=[{
        'name': 'score_is_off_the_scale',
        'when': 'score < 0 or score > scale_maximum',
        'reason': 'score is higher than the scale goes, or negative',
    }]
) }}
