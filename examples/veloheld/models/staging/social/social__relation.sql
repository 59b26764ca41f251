{{ config(enabled=context360.adapter_is_on()) }}

select
    post_id as source_relation_id,
    case kind when 'follow' then 'follows' when 'reaction' then 'reacts_to' else 'mentions' end as relation_kind,
    'social_handle' as identifier_kind,
    network || ':' || lower(handle) as identifier_value,
    'social_handle' as other_identifier_kind,
    network || ':' || lower(target_handle) as other_identifier_value,
    posted_at as observed_at
from {{ ref('stg_social__posts') }}
-- A mention of the company is not a relation to another person.
where target_handle is not null and lower(target_handle) <> '@veloheld'
