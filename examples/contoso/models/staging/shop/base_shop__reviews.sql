{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'reviews') }}
),

renamed as (
    select
        {{ context360.clean_text('review_id') }} as review_id,
        {{ context360.clean_text('user_id') }} as contact_id,
        {{ context360.clean_text('review_text') }} as review_text,
        {{ context360.clean_text('review_rating') }} as raw_review_rating,
        {{ context360.number_from_text('review_rating', 'integer') }} as review_rating,
        {{ context360.clean_text('review_date') }} as raw_reviewed_on,
        {{ context360.date_from_us_text('review_date') }} as reviewed_on,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['review_id'],
    parsed=['review_rating', 'reviewed_on'],
    required=['contact_id', 'review_rating', 'reviewed_on'],
    rules=[{
        'name': 'review_rating_is_off_the_scale',
        'when': 'review_rating not between 1 and 5',
        'reason': 'review_rating is not one of 1 to 5',
    }]
) }}
