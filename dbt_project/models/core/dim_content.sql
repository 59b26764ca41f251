with content_items as (
    {{ named_members('content') }}
),

described as (
    select
        content_id,
        {{ described_as('title') }} as title,
        {{ described_as('content_kind') }} as content_kind,
        {{ described_as('product_line') }} as product_line,
        {{ described_as('url') }} as url
    from {{ ref('int_content') }}
    group by content_id
)

select
    content_items.member_key as content_key,
    content_items.member_id as content_id,
    described.title,
    described.content_kind,
    described.product_line,
    described.url,
    described.content_id is not null as is_described
from content_items
left join described on content_items.member_id = described.content_id
