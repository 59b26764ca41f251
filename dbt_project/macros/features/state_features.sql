{#- Their complaints and ratings: the CTEs `complaints` and `opinions`. Reads the CTE `known`. -#}
{% macro opinion_features() -%}
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
)
{%- endmacro %}


{#- Their carts and planned appointments: the CTEs `carts` and `appointments`. Reads the CTE `known`. -#}
{% macro plan_features() -%}
carts as (
    select
        known.customer_key,
        known.moment,
        count(*) as cart_line_count,
        max(facts.added_at) as cart_last_added_at
    from {{ ref('fct_cart_line') }} as facts
    inner join known on facts.customer_key = known.customer_key
    left join purchases on known.customer_key = purchases.customer_key and known.moment = purchases.moment
    where {{ is_in_cart_at('facts', 'known.moment', 'purchases.last_ordered_at') }}
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
)
{%- endmacro %}


{#- Their connected products and where they were: the CTEs `products` and `positions`. Reads the CTE `known`. -#}
{% macro possession_features() -%}
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
)
{%- endmacro %}


{#- Their referrals and profiles: the CTEs `relations` and `profiles`. Reads the CTE `known`. -#}
{% macro person_features() -%}
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
{%- endmacro %}
