{%- set settings = var('action_judging') -%}
-- The log repeats an action every night while it is valid. A night counts as a decision only after the proposal of the
-- last one has expired and its outcome days are over, so that no purchase counts for two decisions.
with choices as (
    select
        coalesce(numbers.customer_key, logged.customer_key) as customer_key,
        logged.customer_key as customer_number,
        logged.kind,
        logged.as_of,
        logged.item,
        logged.proposal_probability,
        logged.is_proposed,
        logged.is_greedy,
        logged.valid_until,
        min(logged.proposal_probability)
            over (partition by logged.customer_key, logged.kind, logged.as_of)
            as least_probability,
        count(*) over (partition by logged.customer_key, logged.kind, logged.as_of) as choice_count
    from {{ source('predictions', 'action_log') }} as logged
    left join {{ ref('bridge_customer_number') }} as numbers on logged.customer_key = numbers.customer_number
),

-- For a customer who was two customers at the time, the decision for the lower number counts.
numbered as (
    select
        *,
        greatest(valid_until, {{ dbt.dateadd('day', settings['outcome_days'], 'as_of') }}) as over_at,
        row_number() over (partition by customer_key, kind, as_of order by customer_number) as place
    from choices
    where is_proposed and choice_count > 1 and least_probability >= {{ settings['least_propensity'] }}
),

proposals as (
    select *
    from numbered
    where place = 1
),

-- Nights, and ends of proposals, in order of time; an end comes before a night of the same moment.
timeline as (
    select
        customer_key,
        kind,
        as_of,
        as_of as looked_at,
        1 as is_night
    from proposals
    union all
    select
        customer_key,
        kind,
        as_of,
        over_at as looked_at,
        0 as is_night
    from proposals
),

following as (
    select
        customer_key,
        kind,
        as_of,
        is_night,
        min(case when is_night = 1 then as_of end) over (
            partition by customer_key, kind order by looked_at, is_night
            rows between current row and unbounded following
        ) as next_as_of
    from timeline
)

select
    proposals.customer_key,
    proposals.kind,
    proposals.as_of,
    proposals.item,
    proposals.proposal_probability,
    proposals.is_greedy,
    proposals.choice_count,
    following.next_as_of
from proposals
inner join following
    on
        proposals.customer_key = following.customer_key
        and proposals.kind = following.kind
        and proposals.as_of = following.as_of
        and following.is_night = 0
