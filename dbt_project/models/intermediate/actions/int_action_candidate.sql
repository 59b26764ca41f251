{%- set text = dbt.type_string() -%}
-- Actions that something about the customer suggests, with the evidence; those about product lines are
-- int_line_candidate. Windows and least counts stand in the seed actions.
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

-- Customers who have lately fallen from a stage of trust to a lower one.
falls as (
    select
        customer_key,
        stage,
        previous_stage,
        valid_from
    from {{ ref('customer_stage') }}
    where
        is_current
        and (previous_stage = 'commit' or (previous_stage = 'trust' and stage in ('attract', 'communicate')))
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

select
    customer_key,
    'answer_complaint' as action,
    coalesce(replace(open_complaint_kind, '_', ' '), 'complaint') || ', open since '
    || {{ day_text('open_complaint_since') }} as evidence
from customers
where open_complaint_count > 0

union all

select
    customer_key,
    'meet_need' as action,
    replace(need, '_', ' ') || ': ' || need_evidence as evidence
from customers
-- A need with an action of its own is proposed as that action, on its lawful basis.
where need is not null and coalesce(need_action, 'meet_need') = 'meet_need'

union all

select
    customers.customer_key,
    rules.action,
    'would not recommend us (' || {{ day_text('customers.nps_answered_at') }} || ')' as evidence
from customers
inner join rules on rules.action = 'ask_what_went_wrong'
where
    customers.nps_class = 'detractor'
    and customers.nps_answered_at >= {{ dbt.dateadd('day', '-rules.within_days', as_of()) }}

union all

select
    customers.customer_key,
    rules.action,
    'comes on ' || {{ day_text('customers.next_appointment_at') }} as evidence
from customers
inner join rules on rules.action = 'prepare_appointment'
where customers.next_appointment_at < {{ dbt.dateadd('day', 'rules.within_days', as_of()) }}

union all

select
    customers.customer_key,
    rules.action,
    cast(customers.cart_line_count as {{ text }}) || ' in the cart since '
    || {{ day_text('customers.cart_last_added_at') }} as evidence
from customers
inner join rules on rules.action = 'remind_of_cart'
where
    customers.is_cart_abandoned
    and customers.cart_last_added_at >= {{ dbt.dateadd('day', '-rules.within_days', as_of()) }}

union all

select
    customer_key,
    'thank_ambassador' as action,
    'brought ' || cast(referral_count as {{ text }}) || ' and recommends us' as evidence
from customers
where is_ambassador

union all

select
    customers.customer_key,
    rules.action,
    cast(customers.purchase_count_12m as {{ text }}) || ' purchases in 12 months, ' || lower(customers.segment_title)
        as evidence
from customers
inner join rules on rules.action = 'reward_loyalty'
where customers.segment in ('champions', 'loyal') and customers.purchase_count_12m >= rules.least_count

union all

select
    birthdays.customer_key,
    rules.action,
    'birthday in ' || cast(birthdays.days_to_birthday as {{ text }}) || ' days' as evidence
from birthdays
inner join rules on rules.action = 'birthday'
where birthdays.days_to_birthday between 0 and rules.within_days

union all

select
    falls.customer_key,
    rules.action,
    'from '
    || falls.previous_stage
    || ' to '
    || falls.stage
    || ' since '
    || {{ day_text('falls.valid_from') }} as evidence
from falls
inner join rules on rules.action = 'win_back'
where falls.valid_from >= {{ dbt.dateadd('day', '-rules.within_days', as_of()) }}

union all

select
    customers.customer_key,
    rules.action,
    'known for ' || cast(customers.tenure_days as {{ text }}) || ' days' as evidence
from customers
inner join rules on rules.action = 'welcome'
where customers.tenure_days between 0 and rules.within_days

union all

-- Some days before or after the day on which a year is full.
select
    customers.customer_key,
    rules.action,
    cast(cast(round(customers.tenure_days / 365.25) as int) as {{ text }}) || ' years with us' as evidence
from customers
inner join rules on rules.action = 'anniversary'
where
    customers.tenure_days >= 365 - rules.within_days
    and mod(cast(customers.tenure_days as int) + rules.within_days, 365) <= 2 * rules.within_days
