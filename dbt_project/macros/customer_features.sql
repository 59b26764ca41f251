{#- What was known of customers at a moment, as models learn from it and score by it. The same SQL serves both: training
    reads it at past moments, scoring at the as of. Of everything that happened, only what lies before the moment counts;
    what changes later (a complaint's end, an address) is looked up as it was then. Demographics without a history are left
    out: that somebody's birth date is on record may be owed to what they bought afterwards. -#}


{#- Customers and moments: who was known before each moment of `moments` (a relation with a column `moment`).
    sampled: only so many customers as the variable says, always the same ones. everybody: also who was not known yet. -#}
{% macro known_customers(moments, sampled=false, everybody=false) -%}
    select customers.customer_key, customers.first_known_at, moments.moment
    from (
        select
            dim.customer_key,
            coalesce(dim.first_known_at, seen.first_seen_at) as first_known_at
            {%- if sampled %},
            row_number() over (order by {{ integer_key(["cast(dim.customer_key as " ~ dbt.type_string() ~ ")"]) }}) as place
            {%- endif %}
        from {{ ref('dim_customer') }} as dim
        left join (
            select customer_key, min(happened_at) as first_seen_at
            from {{ ref('fct_interaction') }}
            where customer_key > 0
            group by customer_key
        ) as seen on dim.customer_key = seen.customer_key
        where dim.customer_key > 0
    ) as customers
    cross join {{ moments }} as moments
    where
        {{ "customers.customer_key > 0" if everybody else "customers.first_known_at < moments.moment" }}
        {%- if sampled %}
        and customers.place <= {{ var('prediction')['training_customers'] }}
        {%- endif %}
{%- endmacro %}


{#- Counts the rows of the last days before the moment. -#}
{% macro _counted(condition, happened_at, days) -%}
    count(case when {{ condition }} and {{ happened_at }} >= {{ dbt.dateadd('day', -days, 'known.moment') }} then 1 end)
{%- endmacro %}


{#- One row per customer and moment. -#}
{% macro customer_features(moments, sampled=false, everybody=false) -%}
{%- set channels = ['web', 'app', 'email', 'call', 'chat', 'store', 'branch', 'social'] -%}
{%- set steps = ['orientation', 'consideration', 'purchase', 'use', 'service'] -%}
with known as (
    {{ known_customers(moments, sampled, everybody) }}
),

payments as (
    {{ customer_payments() }}
),

purchases as (
    select
        known.customer_key,
        known.moment,
        max(payments.paid_at) as last_purchase_at,
        max(case when payments.line_kind = 'purchase' then payments.paid_at end) as last_ordered_at,
        count(distinct payments.interaction_key) as purchase_count,
        {%- for days in [30, 90, 365] %}
        count(distinct case
            when payments.paid_at >= {{ dbt.dateadd('day', -days, 'known.moment') }} then payments.interaction_key
        end) as purchase_count_{{ days }}d,
        {%- endfor %}
        count(distinct payments.product_key) as product_count,
        cast(sum(payments.net_amount) as double) as current_value_amount,
        cast(sum(case
            when payments.paid_at >= {{ dbt.dateadd('day', -365, 'known.moment') }} then payments.net_amount
        end) as double) as value_12m_amount,
        cast(sum(payments.discount_amount) as double) as discount_amount,
        count(case when payments.line_kind = 'return' then 1 end) as returned_count
    from payments
    inner join known on payments.customer_key = known.customer_key and payments.paid_at < known.moment
    group by known.customer_key, known.moment
),

interactions as (
    select
        known.customer_key,
        known.moment,
        max(case when facts.direction = 'inbound' then facts.happened_at end) as last_inbound_at,
        {%- for days in [7, 30, 90, 365] %}
        {{ _counted("facts.direction = 'inbound'", 'facts.happened_at', days) }} as inbound_count_{{ days }}d,
        {%- endfor %}
        {%- for days in [30, 90] %}
        {{ _counted("facts.direction = 'outbound'", 'facts.happened_at', days) }} as outbound_count_{{ days }}d,
        {%- endfor %}
        {{ _counted("touchpoints.is_response", 'facts.happened_at', 365) }} as response_count_365d,
        {%- for channel in channels %}
        {{ _counted("facts.direction = 'inbound' and touchpoints.channel = '" ~ channel ~ "'", 'facts.happened_at', 90) }}
            as {{ channel }}_count_90d,
        {%- endfor %}
        {%- for step in steps %}
        {{ _counted("facts.direction = 'inbound' and touchpoints.journey_step = '" ~ step ~ "'", 'facts.happened_at', 30) }}
            as {{ step }}_step_count_30d,
        {%- endfor %}
        cast(sum(
            {{ decayed('facts.engagement_points', dbt.datediff('facts.happened_at', 'known.moment', 'day')) }}
        ) as double) as engagement_points,
        cast(avg(case
            when facts.direction = 'inbound' and facts.verbatim is not null then cast(facts.sentiment as decimal(9, 6))
        end) as double) as average_sentiment
    from {{ ref('fct_interaction') }} as facts
    inner join known on facts.customer_key = known.customer_key and facts.happened_at < known.moment
    inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    group by known.customer_key, known.moment
),

complaints as (
    select
        known.customer_key,
        known.moment,
        count(*) as complaint_count,
        count(case when {{ is_open_at('facts', 'known.moment') }} then 1 end) as open_complaint_count
    from {{ ref('fct_complaint') }} as facts
    inner join known on facts.customer_key = known.customer_key and facts.opened_at < known.moment
    group by known.customer_key, known.moment
),

opinions as (
    select
        known.customer_key,
        known.moment,
        cast(avg(case
            when facts.is_about_satisfaction
                then (facts.score - facts.scale_minimum) / nullif(facts.scale_maximum - facts.scale_minimum, 0)
        end) as double) as average_satisfaction,
        avg(case facts.nps_class when 'promoter' then 1.0 when 'passive' then 0.0 when 'detractor' then -1.0 end) as nps
    from {{ ref('fct_survey_answer') }} as facts
    inner join known on facts.customer_key = known.customer_key and facts.answered_at < known.moment
    group by known.customer_key, known.moment
),

carts as (
    select
        known.customer_key,
        known.moment,
        count(*) as cart_line_count,
        max(facts.added_at) as cart_last_added_at
    from {{ ref('fct_cart_line') }} as facts
    inner join known
        on
            facts.customer_key = known.customer_key
            and facts.added_at < known.moment
            and facts.added_at >= {{ dbt.dateadd('hour', -var('situation')['cart_hours'], 'known.moment') }}
    left join purchases on known.customer_key = purchases.customer_key and known.moment = purchases.moment
    where
        -- What became of it later was not known yet; who has ordered since has left the rest behind.
        (facts.state in ('open', 'abandoned') or facts.state_since >= known.moment)
        and (purchases.last_ordered_at is null or purchases.last_ordered_at < facts.added_at)
    group by known.customer_key, known.moment
),

appointments as (
    select
        known.customer_key,
        known.moment,
        count(*) as planned_appointment_count
    from {{ ref('fct_appointment') }} as facts
    inner join known
        on
            facts.customer_key = known.customer_key
            and facts.booked_at < known.moment
            and facts.starts_at >= known.moment
    group by known.customer_key, known.moment
),

products as (
    select
        known.customer_key,
        known.moment,
        count(distinct facts.device_key) as connected_product_count,
        count(facts.fault_code) as faulty_product_count,
        max(facts.odometer_km) as odometer_km
    from {{ ref('fct_product_reading') }} as facts
    inner join known
        on
            facts.customer_key = known.customer_key
            and facts.valid_from < known.moment
            and (facts.valid_to >= known.moment or facts.valid_to is null)
    group by known.customer_key, known.moment
),

positions as (
    select
        known.customer_key,
        known.moment,
        count(*) as store_visit_count_90d
    from {{ ref('fct_position') }} as facts
    inner join known
        on
            facts.customer_key = known.customer_key
            and facts.arrived_at < known.moment
            and facts.arrived_at >= {{ dbt.dateadd('day', -90, 'known.moment') }}
    where facts.location_key > 0
    group by known.customer_key, known.moment
),

relations as (
    select
        known.customer_key,
        known.moment,
        count(*) as referral_count
    from {{ ref('bridge_customer_relation') }} as bridge
    inner join known on bridge.to_customer_key = known.customer_key and bridge.since < known.moment
    where bridge.relation_kind = 'referred_by'
    group by known.customer_key, known.moment
),

profiles as (
    select
        known.customer_key,
        known.moment,
        max(history.country) as country,
        max(history.loyalty_tier) as loyalty_tier,
        max(case when history.has_email_marketing_consent then 1 else 0 end) as has_email_marketing_consent,
        max(case when history.email is not null then 1 else 0 end) as has_email,
        max(case when history.phone is not null then 1 else 0 end) as has_phone
    from {{ ref('dim_customer_history') }} as history
    inner join known
        on
            history.customer_key = known.customer_key
            and history.valid_from < known.moment
            and (history.valid_to >= known.moment or history.valid_to is null)
    group by known.customer_key, known.moment
)

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
    purchases.current_value_amount / nullif(purchases.purchase_count, 0) as average_purchase_amount,
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


{#- One row per customer, moment and product line that they had anything to do with: what they had bought of it, looked at
    and were offered. -#}
{% macro line_features(moments, sampled=false, everybody=false) -%}
with known as (
    {{ known_customers(moments, sampled, everybody) }}
)

select
    known.customer_key,
    known.moment,
    bridge.product_line,
    cast(count(bridge.purchase_amount) as int) as line_purchase_count,
    cast({{ dbt.datediff(
        'max(case when bridge.purchase_amount is not null then bridge.happened_at end)', 'known.moment', 'day'
    ) }} as int) as line_recency_days,
    coalesce(sum(cast(bridge.purchase_amount as double)), 0) as line_value_amount,
    {{ last_by('channels.channel', 'case when bridge.purchase_amount is not null then bridge.happened_at end') }}
        as line_channel,
    {%- for days in [7, 30, 90] %}
    cast({{ _counted("touchpoints.direction = 'inbound'", 'bridge.happened_at', days) }} as int) as line_count_{{ days }}d,
    {%- endfor %}
    cast(count(case when touchpoints.direction = 'inbound' then 1 end) as int) as line_count,
    cast({{ _counted("touchpoints.journey_step = 'consideration' and touchpoints.direction = 'inbound'", 'bridge.happened_at', 30) }}
        as int) as line_consideration_count_30d,
    cast({{ _counted("touchpoints.direction = 'outbound'", 'bridge.happened_at', 30) }} as int) as line_offer_count_30d
from {{ ref('bridge_interaction_product_line') }} as bridge
inner join known on bridge.customer_key = known.customer_key and bridge.happened_at < known.moment
inner join {{ ref('dim_touchpoint') }} as touchpoints on bridge.touchpoint_key = touchpoints.touchpoint_key
inner join {{ ref('dim_channel') }} as channels on bridge.channel_key = channels.channel_key
-- What most of a visit is about is only known when it has ended: it may end after the moment.
where bridge.product_line <> 'unknown' and bridge.product_line_source <> 'session'
group by known.customer_key, known.moment, bridge.product_line
{%- endmacro %}


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
    inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    inner join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
    where facts.customer_key > 0 and touchpoints.journey_step = 'purchase' and facts.amount > 0
)

select
    known.customer_key,
    known.moment,
    contacts.channel,
    {%- for days in [90, 365] %}
    cast({{ _counted("contacts.contact_kind = 'approach'", 'contacts.happened_at', days) }} as int)
        as channel_approach_count_{{ days }}d,
    cast({{ _counted("contacts.contact_kind = 'response'", 'contacts.happened_at', days) }} as int)
        as channel_response_count_{{ days }}d,
    {%- endfor %}
    cast(count(case when contacts.contact_kind = 'purchase' then 1 end) as int) as channel_purchase_count
from contacts
inner join known on contacts.customer_key = known.customer_key and contacts.happened_at < known.moment
group by known.customer_key, known.moment, contacts.channel
{%- endmacro %}


{#- Every time that the company approached somebody by itself: what it sends without being asked, and offers made. -#}
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


{#- Every answer to an approach, with the moment of the approach. A look is none. -#}
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
