{{ config(materialized='table') }}

{%- set streams = {
    'int_product': ['product'],
    'int_campaign': ['campaign'],
    'int_offer': ['offer', 'campaign', 'product'],
    'int_offer_product': ['offer', 'product'],
    'int_content': ['content'],
    'int_location': ['location', 'parent_location'],
    'int_device': ['device', 'product'],
    'int_delivered_interaction': ['campaign', 'offer', 'content', 'location', 'device', 'product'],
    'int_delivered_offer_made': ['campaign', 'offer', 'content'],
    'int_coupon_redemption': ['campaign', 'offer'],
    'int_order_line': ['campaign', 'offer', 'location', 'device', 'product'],
    'int_cart_line': ['device', 'product'],
    'int_complaint': ['product'],
    'int_appointment': ['location'],
    'int_position': ['location', 'device'],
    'int_device_reading': ['device'],
} -%}
-- Each stream is read once, for all its members.
with
{%- for stream, members in streams.items() %}
    named_by_{{ stream }} as (
        select distinct {{ members | join('_id, ') }}_id
        from {{ ref(stream) }}
    ){{ ',' if not loop.last }}
{% endfor %}
-- `union` without `all` keeps each member once.
{%- for stream, members in streams.items() %}
    {%- set last_stream = loop.last %}
    {%- for member in members %}
        select
            '{{ member | replace("parent_", "") }}' as member_kind,
            {{ member }}_id as member_id
        from named_by_{{ stream }}
        where {{ member }}_id is not null
        {{ "union" if not (loop.last and last_stream) }}
    {%- endfor %}
{%- endfor %}
