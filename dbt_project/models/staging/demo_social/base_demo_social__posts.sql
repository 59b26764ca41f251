{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_social', 'posts') }}
),

renamed as (
    select
        {{ clean_text('post_id') }} as post_id,
        lower({{ clean_text('network') }}) as network,
        {{ clean_text('handle') }} as handle,
        lower({{ clean_text('kind') }}) as kind,
        {{ clean_text('target_handle') }} as target_handle,
        {{ clean_text('text') }} as post_text,
        {{ clean_text('posted_at') }} as raw_posted_at,
        {{ timestamp_from_utc_text('posted_at') }} as posted_at,
        {{ clean_text('likes') }} as raw_like_count,
        {{ number_from_text('likes', 'bigint') }} as like_count,
        lower({{ clean_text('language') }}) as language,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['post_id'],
    parsed=['posted_at', 'like_count'],
    required=['network', 'handle', 'kind', 'posted_at']
) }}
