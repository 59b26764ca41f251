{{ config(enabled=context360.adapter_is_on()) }}

-- A follow is a relation between people, not an interaction with the company.
select
    post_id as source_interaction_id,
    'social_' || kind as touchpoint,
    'social_handle' as identifier_kind,
    network || ':' || lower(handle) as identifier_value,
    posted_at as happened_at,
    network || coalesce(': ' || post_text, '') as detail,
    case when like_count > 0 then cast(like_count as {{ dbt.type_string() }}) || ' likes' end as outcome,
    post_text as verbatim,
    language
from {{ ref('stg_social__posts') }}
where kind <> 'follow'
