-- Actions that something about the customer suggests, with the facts behind them; those about product lines are
-- int_line_candidate. Windows, least counts and the words of the evidence stand in the settings actions.
with customers as (
    select * from {{ ref('int_action_customer') }}
),

rules as (
    select
        action,
        within_days,
        least_count
    from {{ ref('actions') }}
),

-- Customers who have lately fallen from a stage that is worth winning back.
falls as (
    select
        stages.customer_key,
        stages.stage,
        stages.previous_stage,
        stages.valid_from
    from {{ ref('customer_stage') }} as stages
    inner join {{ ref('relationship_stages') }} as present on stages.stage = present.stage
    inner join {{ ref('relationship_stages') }} as previous on stages.previous_stage = previous.stage
    where stages.is_current and previous.is_won_back and present.stage_rank < previous.stage_rank
),

loyal as (
    select
        customers.customer_key,
        customers.purchase_count_12m,
        customers.segment_title
    from customers
    inner join {{ ref('segments') }} as segments on customers.segment = segments.segment
    where segments.is_loyal
),

this_year as (
    select
        customer_key,
        cast({{ dbt.dateadd(
            'year', 'cast(extract(year from ' ~ as_of() ~ ') - extract(year from birth_date) as int)', 'birth_date'
        ) }} as timestamp) as birthday
    from customers
    where birth_date is not null
),

birthdays as (
    select
        customer_key,
        cast({{ dbt.datediff(
            as_of(),
            'case when birthday >= ' ~ dbt.date_trunc('day', as_of()) ~ ' then birthday else '
            ~ dbt.dateadd('year', 1, 'birthday') ~ ' end',
            'day'
        ) }} as int) as days_to_birthday
    from this_year
)

{{ action_candidate(
    'answer_complaint', 'customers', what="coalesce(" ~ words('open_complaint_kind') ~ ", 'complaint')",
    day='open_complaint_since', where='open_complaint_count > 0 and open_complaint_answered_at is null'
) }}

union all

-- A need with an action of its own is proposed as that action, on its lawful basis.
{{ action_candidate(
    'meet_need', 'customers', what=words('need'), detail='need_evidence',
    where="need is not null and coalesce(need_action, 'meet_need') = 'meet_need'"
) }}

union all

{{ action_candidate(
    'offer_service', 'customers', detail='need_evidence', where="need_action = 'offer_service'"
) }}

union all

{{ action_candidate(
    'ask_what_went_wrong', 'customers', day='nps_answered_at',
    where="nps_class = 'detractor' and nps_answered_at >= " ~ dbt.dateadd('day', '-rules.within_days', as_of())
) }}

union all

{{ action_candidate(
    'prepare_appointment', 'customers', day='next_appointment_at',
    where='next_appointment_at < ' ~ dbt.dateadd('day', 'rules.within_days', as_of())
) }}

union all

{{ action_candidate(
    'remind_of_cart', 'customers', figure='cart_line_count', day='cart_last_added_at',
    where='is_cart_abandoned and cart_last_added_at >= ' ~ dbt.dateadd('day', '-rules.within_days', as_of())
) }}

union all

{{ action_candidate('thank_ambassador', 'customers', figure='referral_count', where='is_ambassador') }}

union all

{{ action_candidate(
    'reward_loyalty', 'loyal', figure='purchase_count_12m', what='lower(segment_title)',
    where='purchase_count_12m >= rules.least_count'
) }}

union all

{{ action_candidate(
    'birthday', 'birthdays', figure='days_to_birthday', where='days_to_birthday between 0 and rules.within_days'
) }}

union all

{{ action_candidate(
    'win_back', 'falls', what='stage', detail='previous_stage', day='valid_from',
    where='valid_from >= ' ~ dbt.dateadd('day', '-rules.within_days', as_of())
) }}

union all

{{ action_candidate(
    'welcome', 'customers', figure='tenure_days', where='tenure_days between 0 and rules.within_days'
) }}

union all

-- Some days before or after the day on which a year is full.
{{ action_candidate(
    'anniversary', 'customers', figure='tenure_days / 365.25',
    where='tenure_days >= 365 - rules.within_days'
    ~ ' and mod(cast(tenure_days as int) + rules.within_days, 365) <= 2 * rules.within_days'
) }}
