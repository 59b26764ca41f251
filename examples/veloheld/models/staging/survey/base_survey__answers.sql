{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('survey', 'answers') }}
),

renamed as (
    select
        {{ context360.clean_text('answer_id') }} as answer_id,
        {{ context360.clean_text('respondent_email') }} as email_original,
        {{ context360.comparable_email('respondent_email') }} as email,
        lower({{ context360.clean_text('survey') }}) as survey,
        {{ context360.clean_text('question') }} as question,
        {{ context360.clean_text('score') }} as raw_score,
        {{ context360.number_from_text('score', 'decimal(18, 6)') }} as score,
        {{ context360.clean_text('scale_max') }} as raw_scale_maximum,
        {{ context360.number_from_text('scale_max', 'bigint') }} as scale_maximum,
        {{ context360.clean_text('verbatim') }} as verbatim,
        lower({{ context360.clean_text('language') }}) as language,
        {{ context360.clean_text('answered_at') }} as raw_answered_at,
        {{ context360.timestamp_from_utc_text('answered_at') }} as answered_at,
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
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
