{#- What was known of customers at a moment. The same SQL serves training, at past moments, and scoring, at the as of. Only
    what happened before the moment counts; what changes later (the end of a complaint, an address) is read as it was then.
    Demographics without a history are left out: a birth date may be on record because of a later purchase. -#}


{#- One row per customer and moment. -#}
{% macro customer_features(moments, sampled=false, everybody=false) -%}
{%- set channels = channel_names() -%}
{%- set steps = journey_step_names() -%}
with known as (
    {{ known_customers(moments, sampled, everybody) }}
),

{{ purchase_features() }},

{{ exchange_features() }},

{{ opinion_features() }},

{{ plan_features() }},

{{ possession_features() }},

{{ person_features() }}

select
    known.customer_key,
    known.moment,
    cast({{ dbt.datediff('known.first_known_at', 'known.moment', 'day') }} as int) as tenure_days,
    cast({{ dbt.datediff('purchases.last_purchase_at', 'known.moment', 'day') }} as int) as recency_days,
    cast(coalesce(purchases.purchase_count, 0) as int) as purchase_count,
    {%- for days in [30, 90, 365] %}
    cast(coalesce(purchases.purchase_count_{{ days }}d, 0) as int) as purchase_count_{{ days }}d,
    {%- endfor %}
    cast(coalesce(purchases.product_count, 0) as int) as product_count,
    coalesce(purchases.current_value_amount, 0) as current_value_amount,
    coalesce(purchases.value_12m_amount, 0) as value_12m_amount,
    purchases.average_purchase_amount,
    coalesce(purchases.discount_amount, 0) as discount_amount,
    cast(coalesce(purchases.returned_count, 0) as int) as returned_count,
    cast({{ dbt.datediff('interactions.last_inbound_at', 'known.moment', 'day') }} as int) as days_since_inbound,
    {%- for days in [7, 30, 90, 365] %}
    cast(coalesce(interactions.inbound_count_{{ days }}d, 0) as int) as inbound_count_{{ days }}d,
    {%- endfor %}
    {%- for days in [30, 90] %}
    cast(coalesce(interactions.outbound_count_{{ days }}d, 0) as int) as outbound_count_{{ days }}d,
    {%- endfor %}
    cast(coalesce(interactions.response_count_365d, 0) as int) as response_count_365d,
    {%- for channel in channels %}
    cast(coalesce(interactions.{{ channel }}_count_90d, 0) as int) as {{ channel }}_count_90d,
    {%- endfor %}
    {%- for step in steps %}
    cast(coalesce(interactions.{{ step }}_step_count_30d, 0) as int) as {{ step }}_step_count_30d,
    {%- endfor %}
    coalesce(interactions.engagement_points, 0) as engagement_points,
    interactions.average_sentiment,
    cast(coalesce(complaints.complaint_count, 0) as int) as complaint_count,
    cast(coalesce(complaints.open_complaint_count, 0) as int) as open_complaint_count,
    opinions.average_satisfaction,
    cast(opinions.nps as double) as nps,
    cast(coalesce(carts.cart_line_count, 0) as int) as cart_line_count,
    cast({{ dbt.datediff('carts.cart_last_added_at', 'known.moment', 'day') }} as int) as days_since_cart,
    cast(coalesce(appointments.planned_appointment_count, 0) as int) as planned_appointment_count,
    cast(coalesce(products.connected_product_count, 0) as int) as connected_product_count,
    cast(coalesce(products.faulty_product_count, 0) as int) as faulty_product_count,
    products.odometer_km,
    cast(coalesce(positions.store_visit_count_90d, 0) as int) as store_visit_count_90d,
    cast(coalesce(relations.referral_count, 0) as int) as referral_count,
    profiles.country,
    profiles.loyalty_tier,
    profiles.has_email_marketing_consent,
    profiles.has_email,
    profiles.has_phone
from known
{%- for part in [
    'purchases', 'interactions', 'complaints', 'opinions', 'carts', 'appointments', 'products', 'positions', 'relations',
    'profiles'
] %}
left join {{ part }} on known.customer_key = {{ part }}.customer_key and known.moment = {{ part }}.moment
{%- endfor %}
{%- endmacro %}
