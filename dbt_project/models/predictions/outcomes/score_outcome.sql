-- Scores whose time has passed, and what happened. Of each month and version of a model the first scoring is judged:
-- scorings of neighbouring nights look at the same purchases and would count them many times over. Scores of customers
-- who may no longer be profiled are not judged.
with due as (
    select
        *,
        {{ dbt.dateadd('day', 'horizon_days', 'as_of') }} as known_at,
        cast({{ dbt.date_trunc('month', 'as_of') }} as date) as scored_month
    from {{ source('predictions', 'score_log') }}
    where basis = 'model' and {{ dbt.dateadd('day', 'horizon_days', 'as_of') }} <= {{ as_of() }}
),

ordered as (
    select
        *,
        dense_rank() over (partition by model_name, origin, model_version, scored_month order by as_of) as scoring
    from due
),

judged as (
    select
        ordered.*,
        coalesce(numbers.customer_key, ordered.customer_key) as present_customer_key,
        -- In the key, not beside it: an engine compares all pairs for a condition on one side of an outer join.
        case when ordered.target = 'respond' then ordered.channel end as responding_channel
    from ordered
    left join {{ ref('bridge_customer_number') }} as numbers on ordered.customer_key = numbers.customer_number
    {{ join_profiling_gate('coalesce(numbers.customer_key, ordered.customer_key)') }}
    where ordered.scoring = 1 and {{ may_be_profiled() }}
),

line_windows as (
    select distinct
        present_customer_key,
        product_line,
        as_of,
        known_at
    from judged
    where product_line is not null
),

purchases as (
    select
        line_windows.present_customer_key,
        line_windows.product_line,
        line_windows.as_of,
        line_windows.known_at,
        {{ first_by('channels.channel', 'bought.bought_at') }} as channel
    from line_windows
    inner join ({{ line_purchases() }}) as bought
        on
            line_windows.present_customer_key = bought.customer_key
            and line_windows.product_line = bought.product_line
            and line_windows.as_of <= bought.bought_at
            and line_windows.known_at > bought.bought_at
    inner join {{ ref('dim_channel') }} as channels on bought.channel_key = channels.channel_key
    group by
        line_windows.present_customer_key, line_windows.product_line, line_windows.as_of, line_windows.known_at
),

channel_windows as (
    select distinct
        present_customer_key,
        channel,
        as_of,
        known_at
    from judged
    where target = 'respond'
),

approached as (
    select channel_windows.*
    from channel_windows
    inner join ({{ approaches() }}) as approaches
        on
            channel_windows.present_customer_key = approaches.customer_key
            and channel_windows.channel = approaches.channel
            and channel_windows.as_of <= approaches.happened_at
            and channel_windows.known_at > approaches.happened_at
    group by
        channel_windows.present_customer_key, channel_windows.channel, channel_windows.as_of, channel_windows.known_at
),

answered as (
    select channel_windows.*
    from channel_windows
    inner join ({{ responses() }}) as responses
        on
            channel_windows.present_customer_key = responses.customer_key
            and channel_windows.channel = responses.channel
            and channel_windows.as_of <= responses.happened_at
            and channel_windows.known_at > responses.responded_at
    group by
        channel_windows.present_customer_key, channel_windows.channel, channel_windows.as_of, channel_windows.known_at
)

select
    judged.model_name,
    judged.origin,
    judged.model_version,
    judged.scored_month,
    judged.as_of,
    judged.customer_key,
    judged.horizon_days,
    cast(judged.probability as double) as probability,
    cast(judged.base_rate as double) as base_rate,
    case
        when judged.target = 'buy' and purchases.as_of is not null then 1
        when judged.target = 'channel' and purchases.channel = judged.channel then 1
        when judged.target = 'respond' and answered.as_of is not null then 1
        else 0
    end as outcome
from judged
left join purchases
    on
        judged.present_customer_key = purchases.present_customer_key
        and judged.product_line = purchases.product_line
        and judged.as_of = purchases.as_of
        and judged.known_at = purchases.known_at
left join approached
    on
        judged.present_customer_key = approached.present_customer_key
        and judged.responding_channel = approached.channel
        and judged.as_of = approached.as_of
left join answered
    on
        judged.present_customer_key = answered.present_customer_key
        and judged.responding_channel = answered.channel
        and judged.as_of = answered.as_of
-- Only who bought can have chosen a channel, and only who was approached can have answered.
where
    judged.target = 'buy'
    or (judged.target = 'channel' and purchases.as_of is not null)
    or (judged.target = 'respond' and approached.as_of is not null)
