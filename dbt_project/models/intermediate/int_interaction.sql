with delivered as (
    select
        source_system,
        source_interaction_id,
        touchpoint,
        identifier_kind,
        identifier_value,
        happened_at,
        product_id,
        detail,
        cast(null as decimal(18, 2)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency
    from {{ ref('int_delivered_interaction') }}
),

orders as (
    select
        source_system,
        order_id as source_interaction_id,
        min(touchpoint) as touchpoint,
        min(identifier_kind) as identifier_kind,
        min(identifier_value) as identifier_value,
        min(ordered_at) as happened_at,
        case when count(*) = 1 then min(product_id) end as product_id,
        case when count(*) = 1 then min(product_id) else cast(count(*) as {{ dbt.type_string() }}) || ' lines' end
            as detail,
        cast(sum(net_amount) as decimal(18, 2)) as amount,
        min(currency) as currency
    from {{ ref('int_order_line') }}
    group by source_system, order_id
),

bookings as (
    select
        source_system,
        booking_id as source_interaction_id,
        touchpoint,
        identifier_kind,
        identifier_value,
        started_at as happened_at,
        cast(null as {{ dbt.type_string() }}) as product_id,
        booked_item || ', ' || booking_purpose || ', ' || cast(number_of_nights as {{ dbt.type_string() }}) || ' nights'
            as detail,
        net_amount as amount,
        currency
    from {{ ref('int_booking') }}
),

survey_answers as (
    select
        source_system,
        survey_answer_id as source_interaction_id,
        touchpoint,
        identifier_kind,
        identifier_value,
        answered_at as happened_at,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(cast(score as int) as {{ dbt.type_string() }})
        || ' of ' || cast(scale_maximum as {{ dbt.type_string() }})
        || coalesce(': ' || verbatim, '') as detail,
        cast(null as decimal(18, 2)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency
    from {{ ref('int_survey_answer') }}
)

select * from delivered
union all
select * from orders
union all
select * from bookings
union all
select * from survey_answers
