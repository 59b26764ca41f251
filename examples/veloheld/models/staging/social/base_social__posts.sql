{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('social', 'posts') }}
),

renamed as (
    select
        {{ context360.clean_text('post_id') }} as post_id,
        lower({{ context360.clean_text('network') }}) as network,
        {{ context360.clean_text('handle') }} as handle,
        lower({{ context360.clean_text('kind') }}) as kind,
        {{ context360.clean_text('target_handle') }} as target_handle,
        {{ context360.clean_text('text') }} as post_text,
        {{ context360.clean_text('posted_at') }} as raw_posted_at,
        {{ context360.timestamp_from_utc_text('posted_at') }} as posted_at,
        {{ context360.clean_text('likes') }} as raw_like_count,
        {{ context360.number_from_text('likes', 'bigint') }} as like_count,
        lower({{ context360.clean_text('language') }}) as language,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['post_id'],
    parsed=['posted_at', 'like_count'],
    required=['network', 'handle', 'kind', 'posted_at']
) }}
