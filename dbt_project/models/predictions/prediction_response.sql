-- Which of the customers who may be profiled were approached in a channel within 30 days after each moment, and
-- whether they answered within them.
with approaches as (
    select approached.*
    from ({{ approaches() }}) as approached
    {{ join_profiling_gate('approached.customer_key') }}
    where {{ may_be_profiled() }}
),

responses as (
    {{ responses() }}
),

answered as (
    select
        responses.customer_key,
        moments.moment,
        responses.channel
    from responses
    inner join {{ ref('prediction_moment') }} as moments
        on
            responses.happened_at >= moments.moment
            and responses.responded_at < {{ dbt.dateadd('day', 30, 'moments.moment') }}
    group by responses.customer_key, moments.moment, responses.channel
)

select
    approaches.customer_key,
    moments.moment,
    approaches.channel,
    count(answered.customer_key) > 0 as has_responded
from approaches
inner join {{ ref('prediction_moment') }} as moments
    on
        approaches.happened_at >= moments.moment
        and approaches.happened_at < {{ dbt.dateadd('day', 30, 'moments.moment') }}
left join answered
    on
        approaches.customer_key = answered.customer_key
        and moments.moment = answered.moment
        and approaches.channel = answered.channel
group by approaches.customer_key, moments.moment, approaches.channel
