-- A customer enters a stage when its measure reaches `enters_at` and leaves it when the measure falls below
-- `leaves_below`, month by month: between the two bounds they stay. Each measure looks back over twelve months and
-- counts what both sides took part in (fct_interaction.is_exchange), never what we sent: a stage does not depend on
-- consent. Who enters a stage has entered those below it, and falls back to the next one whose bound still holds.
-- Whether a customer is in a stage depends on all months before, so older ones are judged and left out. Who may not be
-- profiled has one row without a stage.
with months as (
    select
        cast({{ dbt.date_trunc('month', 'calendar_date') }} as date) as month_start,
        cast(max(calendar_date) as timestamp) as last_day,
        min(calendar_date)
        >= {{ dbt.date_trunc('month', dbt.dateadd('year', -var('stage_history_years'), as_of())) }} as is_kept
    from {{ ref('dim_date') }}
    where calendar_date < {{ as_of() }}
    group by {{ dbt.date_trunc('month', 'calendar_date') }}
),

customers as (
    select
        customer_key,
        first_known_at
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

activity as (
    select
        facts.customer_key,
        cast({{ dbt.date_trunc('month', 'facts.happened_at') }} as date) as month_start,
        count(distinct case when facts.is_exchange then facts.happened_date_key end) as exchange_day_count,
        count(case when facts.is_purchase then 1 end) as purchase_count,
        count(case when facts.is_exchange and (touchpoints.is_trusted_act or facts.is_purchase) then 1 end)
            as trusted_act_count
    from {{ ref('fct_interaction') }} as facts
    left join {{ ref('touchpoints') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    where facts.happened_at < {{ as_of() }} and facts.customer_key > 0
    group by facts.customer_key, {{ dbt.date_trunc('month', 'facts.happened_at') }}
),

begun as (
    select
        customers.customer_key,
        min(activity.month_start) as first_active_month,
        least(
            coalesce(customers.first_known_at, min(activity.month_start)),
            coalesce(min(activity.month_start), customers.first_known_at)
        ) as begun_at
    from customers
    left join activity on customers.customer_key = activity.customer_key
    group by customers.customer_key, customers.first_known_at
),

spine as (
    select
        begun.customer_key,
        months.month_start,
        months.is_kept
    from begun
    inner join months
        on
            {{ dbt.date_trunc('month', 'begun.begun_at') }} <= months.last_day
            and (months.is_kept or begun.first_active_month <= months.month_start)
),

looked_back as (
    select
        spine.customer_key,
        spine.month_start,
        spine.is_kept,
        sum(coalesce(activity.exchange_day_count, 0)) over past_year as exchange_day_count,
        sum(coalesce(activity.purchase_count, 0)) over past_year as purchase_count,
        sum(coalesce(activity.trusted_act_count, 0)) over past_year as trusted_act_count
    from spine
    left join activity on spine.customer_key = activity.customer_key and spine.month_start = activity.month_start
    window past_year as (
        partition by spine.customer_key order by spine.month_start rows between 11 preceding and current row
    )
),

bounds as (
    select
    {%- for stage in earned_stages() %}
            max(case when stage = '{{ stage }}' then enters_at end) as {{ stage }}_enters_at,
            max(case when stage = '{{ stage }}' then leaves_below end)
                as {{ stage }}_leaves_below{{ "," if not loop.last }}
    {%- endfor %}
    from {{ ref('relationship_stages') }}
),

measured as (
    select
        customer_key,
        month_start,
        is_kept,
        exchange_day_count as communicate,
        trusted_act_count as trust,
        purchase_count as commit
    from looked_back
),

-- A stage is held when it, or one above it, was entered later than it was last left.
turns as (
    select
        measured.customer_key,
        measured.month_start,
        measured.is_kept,
    {%- for stage in earned_stages() %}
        max(case when {{ enters_stage(stage, 'measured', 'bounds') }} then measured.month_start end)
            over months_so_far as {{ stage }}_entered,
        max(case when measured.{{ stage }} < bounds.{{ stage }}_leaves_below then measured.month_start end)
            over months_so_far as {{ stage }}_left{{ "," if not loop.last }}
    {%- endfor %}
    from measured
    cross join bounds
    window months_so_far as (partition by measured.customer_key order by measured.month_start)
),

staged as (
    select
        turns.customer_key,
        turns.month_start,
        {{ no_profile_reason() }} as no_profile_reason,
        case
            when not ({{ may_be_profiled() }}) then null
            {%- for stage in earned_stages() | reverse %}
                when
                    {{ stage }}_entered is not null
                    and ({{ stage }}_left is null or {{ stage }}_entered > {{ stage }}_left)
                    then '{{ stage }}'
            {%- endfor %}
            else 'attract'
        end as stage
    from turns
    {{ join_profiling_gate('turns.customer_key') }}
    where turns.is_kept
),

changes as (
    select
        customer_key,
        month_start,
        stage,
        no_profile_reason,
        lag(stage) over (partition by customer_key order by month_start) as previous_stage,
        row_number() over (partition by customer_key order by month_start) as month_number
    from staged
),

periods as (
    select
        customer_key,
        stage,
        previous_stage,
        no_profile_reason,
        cast(month_start as timestamp) as valid_from,
        cast(lead(month_start) over (partition by customer_key order by month_start) as timestamp) as valid_to
    from changes
    where month_number = 1 or previous_stage <> stage
)

select
    periods.customer_key,
    periods.stage,
    cast(stages.stage_rank as int) as stage_rank,
    stages.title as stage_title,
    periods.previous_stage,
    periods.valid_from,
    periods.valid_to,
    periods.valid_to is null as is_current,
    periods.no_profile_reason
from periods
left join {{ ref('relationship_stages') }} as stages on periods.stage = stages.stage
