{#- One row per customer, moment and channel in which they had met the company: how they were approached there, how they
    answered, and what they bought there. -#}
{% macro channel_features(moments, sampled=false, everybody=false) -%}
with known as (
    {{ known_customers(moments, sampled, everybody) }}
),

contacts as (
    select customer_key, channel, happened_at, 'approach' as contact_kind
    from ({{ approaches() }}) as approaches

    union all

    select customer_key, channel, responded_at as happened_at, 'response' as contact_kind
    from ({{ responses() }}) as responses

    union all

    select facts.customer_key, channels.channel, facts.happened_at, 'purchase' as contact_kind
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
    where facts.customer_key > 0 and facts.is_purchase
)

select
    known.customer_key,
    known.moment,
    contacts.channel,
    {%- for days in [90, 365] %}
    cast({{ counted_within("contacts.contact_kind = 'approach'", 'contacts.happened_at', days) }} as int)
        as channel_approach_count_{{ days }}d,
    cast({{ counted_within("contacts.contact_kind = 'response'", 'contacts.happened_at', days) }} as int)
        as channel_response_count_{{ days }}d,
    {%- endfor %}
    cast(count(case when contacts.contact_kind = 'purchase' then 1 end) as int) as channel_purchase_count
from contacts
inner join known on contacts.customer_key = known.customer_key and contacts.happened_at < known.moment
group by known.customer_key, known.moment, contacts.channel
{%- endmacro %}


{#- Approaches of the company: what it sends unasked, and offers made. -#}
{% macro approaches() -%}
    select facts.customer_key, touchpoints.channel, facts.happened_at
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    where facts.customer_key > 0 and touchpoints.direction = 'outbound' and facts.responds_to_interaction_key is null

    union all

    select offers.customer_key, channels.channel, offers.made_at as happened_at
    from {{ ref('fct_offer_made') }} as offers
    inner join {{ ref('dim_channel') }} as channels on offers.channel_key = channels.channel_key
    where offers.customer_key > 0 and offers.made_at is not null
{%- endmacro %}


{#- Every answer to an approach, with the moment of the approach. An opened message is none. -#}
{% macro responses() -%}
    select
        approached.customer_key,
        touchpoints.channel,
        approached.happened_at,
        answers.happened_at as responded_at
    from {{ ref('fct_interaction') }} as answers
    inner join {{ ref('dim_touchpoint') }} as answered on answers.touchpoint_key = answered.touchpoint_key
    inner join {{ ref('fct_interaction') }} as approached
        on answers.responds_to_interaction_key = approached.interaction_key
    inner join {{ ref('dim_touchpoint') }} as touchpoints on approached.touchpoint_key = touchpoints.touchpoint_key
    where
        approached.customer_key > 0
        and answered.is_response
        and touchpoints.direction = 'outbound'
        and approached.responds_to_interaction_key is null

    union all

    select
        offers.customer_key,
        channels.channel,
        offers.made_at as happened_at,
        offers.reacted_at as responded_at
    from {{ ref('fct_offer_made') }} as offers
    inner join {{ ref('dim_channel') }} as channels on offers.channel_key = channels.channel_key
    where offers.customer_key > 0 and offers.made_at is not null and offers.reaction in ('redeemed', 'replied', 'clicked')
{%- endmacro %}
