{{ config(enabled=context360.adapter_is_on()) }}

with sightings as (
    select
        'order' as evidence,
        cookie_id,
        case when customer_no is not null then 'shop_customer_no' else 'email' end as other_identifier_kind,
        coalesce(customer_no, guest_email) as other_identifier_value,
        ordered_at as seen_at
    from {{ ref('stg_shop__orders') }}

    union all

    select
        'cart' as evidence,
        cookie_id,
        'shop_customer_no' as other_identifier_kind,
        customer_no as other_identifier_value,
        added_at as seen_at
    from {{ ref('stg_shop__carts') }}
)

select
    evidence,
    'cookie' as identifier_kind,
    cookie_id as identifier_value,
    other_identifier_kind,
    other_identifier_value,
    min(seen_at) as first_seen_at,
    max(seen_at) as last_seen_at,
    count(*) as sighting_count
from sightings
where cookie_id is not null and other_identifier_value is not null
group by evidence, cookie_id, other_identifier_kind, other_identifier_value
