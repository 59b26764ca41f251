with customers as (
    select customer_key
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

needs as (
    select need, precedence, window_days, threshold, title
    from {{ ref('needs') }}
),

interactions as (
    select
        facts.customer_key,
        facts.happened_at,
        touchpoints.touchpoint,
        touchpoints.channel,
        row_number() over (
            partition by facts.customer_key order by facts.happened_at desc, facts.interaction_key desc
        ) as newest_rank
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    where facts.happened_at < {{ as_of() }} and facts.customer_key > 0
),

latest as (
    select
        customer_key,
        max(case when newest_rank = 1 then touchpoint end) as last_touchpoint,
        max(case when newest_rank = 1 then channel end) as last_channel,
        max(happened_at) as last_interaction_at,
        cast(count(case when happened_at >= {{ dbt.dateadd('day', -7, as_of()) }} then 1 end) as int)
            as interaction_count_7d
    from interactions
    group by customer_key
),

present_stays as (
    select customer_key, max(ended_at) as stay_ends_at, max(booked_item) as stay_item
    from {{ ref('fct_booking') }}
    where started_at <= {{ as_of() }} and ended_at > {{ as_of() }} and customer_key > 0
    group by customer_key
),

last_answers as (
    select
        customer_key,
        score,
        scale_maximum,
        answered_at,
        row_number() over (partition by customer_key order by answered_at desc, survey_answer_key desc) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where answered_at < {{ as_of() }} and customer_key > 0 and is_about_satisfaction
),

felt_needs as (
    select
        present_stays.customer_key,
        needs.need,
        needs.precedence,
        'in the house (' || present_stays.stay_item || ') until '
        || cast(cast(present_stays.stay_ends_at as date) as {{ dbt.type_string() }}) as evidence
    from present_stays
    inner join needs on needs.need = 'comfort_during_stay'

    union all

    select
        last_answers.customer_key,
        needs.need,
        needs.precedence,
        'rated ' || cast(cast(last_answers.score as int) as {{ dbt.type_string() }})
        || ' of ' || cast(last_answers.scale_maximum as {{ dbt.type_string() }})
        || ' on ' || cast(cast(last_answers.answered_at as date) as {{ dbt.type_string() }}) as evidence
    from last_answers
    inner join needs
        on
            needs.need = 'service_recovery'
            and last_answers.score <= needs.threshold
            and {{ dbt.datediff('last_answers.answered_at', as_of(), 'day') }} <= needs.window_days
    where last_answers.newest_rank = 1
),

first_needs as (
    select
        customer_key,
        need,
        evidence,
        row_number() over (partition by customer_key order by precedence) as need_rank
    from felt_needs
)

select
    customers.customer_key,
    {{ as_of() }} as as_of,
    latest.last_touchpoint,
    latest.last_channel,
    latest.last_interaction_at,
    cast({{ dbt.datediff('latest.last_interaction_at', as_of(), 'day') }} as bigint) as days_since_last_interaction,
    coalesce(latest.interaction_count_7d, 0) as interaction_count_7d,
    present_stays.customer_key is not null as is_in_house,
    present_stays.stay_ends_at,
    first_needs.need,
    first_needs.evidence as need_evidence,
    freshness.fresh_until,
    coalesce(freshness.is_stale, false) as is_stale
from customers
left join latest on customers.customer_key = latest.customer_key
left join present_stays on customers.customer_key = present_stays.customer_key
left join first_needs on customers.customer_key = first_needs.customer_key and first_needs.need_rank = 1
left join {{ ref('context_freshness') }} as freshness on freshness.context = 'situational'
