{%- set text = dbt.type_string() -%}
-- Every candidate says why. What nobody has consented to is not proposed; neither is what would hurt while a complaint is
-- open. Of each kind the best one stays.
with customers as (
    select
        dim.customer_key,
        dim.birth_date,
        relationship.first_known_at,
        relationship.tenure_days,
        relationship.purchase_count_12m,
        relationship.current_value_amount,
        relationship.product_lines,
        relationship.product_line_count,
        personal.open_complaint_count,
        personal.nps_class,
        personal.nps_answered_at,
        personal.referral_count,
        personal.is_ambassador,
        situational.need,
        situational.need_evidence,
        situational.need_action,
        situational.next_appointment_at,
        situational.cart_line_count,
        situational.cart_last_added_at,
        situational.is_cart_abandoned,
        situational.open_complaint_kind,
        situational.open_complaint_since,
        segments.segment_title,
        segments.segment,
        percent_rank() over (order by relationship.current_value_amount) as value_share
    from {{ ref('dim_customer') }} as dim
    inner join {{ ref('relationship_context') }} as relationship on dim.customer_key = relationship.customer_key
    inner join {{ ref('personal_context') }} as personal on dim.customer_key = personal.customer_key
    inner join {{ ref('situational_context') }} as situational on dim.customer_key = situational.customer_key
    inner join {{ ref('customer_segment') }} as segments on dim.customer_key = segments.customer_key
),

falls as (
    select customer_key, stage, previous_stage, valid_from
    from {{ ref('customer_stage') }}
    where
        is_current
        and valid_from >= {{ dbt.dateadd('day', -60, as_of()) }}
        and (previous_stage = 'commit' or (previous_stage = 'trust' and stage in ('attract', 'communicate')))
),

affinities as (
    select customer_key, item, affinity, exchange_count
    from {{ ref('customer_preference') }}
    where preference_kind = 'product_line' and affinity_rank = 1 and exchange_count >= 5 and affinity >= 0.4
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
),

candidates as (
    select customer_key, 'answer_complaint' as action,
        coalesce(replace(open_complaint_kind, '_', ' '), 'complaint') || ', open since '
        || cast(cast(open_complaint_since as date) as {{ text }}) as evidence
    from customers
    where open_complaint_count > 0

    union all

    select customer_key, 'meet_need' as action, replace(need, '_', ' ') || ': ' || need_evidence as evidence
    from customers
    -- What another action meets is proposed by that one, on its own lawful basis.
    where need is not null and coalesce(need_action, 'meet_need') = 'meet_need'

    union all

    select customer_key, 'ask_what_went_wrong' as action,
        'would not recommend us (' || cast(cast(nps_answered_at as date) as {{ text }}) || ')' as evidence
    from customers
    where nps_class = 'detractor' and nps_answered_at >= {{ dbt.dateadd('day', -60, as_of()) }}

    union all

    select customer_key, 'prepare_appointment' as action,
        'comes on ' || cast(cast(next_appointment_at as date) as {{ text }}) as evidence
    from customers
    where next_appointment_at < {{ dbt.dateadd('day', 3, as_of()) }}

    union all

    select customer_key, 'remind_of_cart' as action,
        cast(cart_line_count as {{ text }}) || ' in the cart since '
        || cast(cast(cart_last_added_at as date) as {{ text }}) as evidence
    from customers
    where is_cart_abandoned and cart_last_added_at >= {{ dbt.dateadd('day', -7, as_of()) }}

    union all

    select customer_key, 'thank_ambassador' as action,
        'brought ' || cast(referral_count as {{ text }}) || ' and recommends us' as evidence
    from customers
    where is_ambassador

    union all

    select customer_key, 'reward_loyalty' as action,
        cast(purchase_count_12m as {{ text }}) || ' purchases in 12 months, ' || lower(segment_title) as evidence
    from customers
    where segment in ('champions', 'loyal') and purchase_count_12m >= 3

    union all

    select customer_key, 'birthday' as action,
        'birthday in ' || cast(days_to_birthday as {{ text }}) || ' days' as evidence
    from birthdays
    where days_to_birthday between 0 and 7

    union all

    select customer_key, 'win_back' as action,
        'from ' || previous_stage || ' to ' || stage || ' since ' || cast(cast(valid_from as date) as {{ text }}) as evidence
    from falls

    union all

    select customer_key, 'welcome' as action,
        'known for ' || cast(tenure_days as {{ text }}) || ' days' as evidence
    from customers
    where tenure_days between 0 and 30

    union all

    select customer_key, 'anniversary' as action,
        cast(cast(round(tenure_days / 365.25) as int) as {{ text }}) || ' years with us' as evidence
    from customers
    where tenure_days >= 358 and mod(cast(tenure_days as int) + 7, 365) <= 14

    union all

    select affinities.customer_key, 'show_product_line' as action,
        cast(affinities.exchange_count as {{ text }}) || ' contacts about ' || replace(affinities.item, '_', ' ')
        || ', bought none of it' as evidence
    from affinities
    inner join customers on affinities.customer_key = customers.customer_key
    where ', ' || coalesce(customers.product_lines, '') || ',' not like '%, ' || affinities.item || ',%'
),

-- Among the channels that they agreed to for the purpose, the one that they use most.
channels as (
    select
        consents.customer_key,
        consents.purpose,
        consents.channel,
        consents.lawful_basis,
        consents.changed_at,
        row_number() over (
            partition by consents.customer_key, consents.purpose
            order by coalesce(preferences.affinity, 0) desc, consents.channel asc
        ) as channel_rank
    from {{ ref('customer_consent') }} as consents
    left join {{ ref('customer_preference') }} as preferences
        on
            consents.customer_key = preferences.customer_key
            and consents.channel = preferences.item
            and preferences.preference_kind = 'channel'
    where consents.is_granted
),

allowed as (
    select
        candidates.customer_key,
        actions.kind,
        candidates.action,
        actions.title,
        candidates.evidence,
        actions.reason,
        actions.purpose,
        channels.channel,
        channels.lawful_basis,
        channels.changed_at as consent_changed_at,
        actions.base_score * (1 + customers.value_share) / 2 as score,
        actions.valid_days,
        row_number() over (
            partition by candidates.customer_key, actions.kind order by actions.base_score desc, candidates.action asc
        ) as kind_rank
    from candidates
    inner join {{ ref('actions') }} as actions on candidates.action = actions.action
    inner join customers on candidates.customer_key = customers.customer_key
    inner join channels
        on
            candidates.customer_key = channels.customer_key
            and actions.purpose = channels.purpose
            and channels.channel_rank = 1
    where not (actions.is_held_during_complaint and customers.open_complaint_count > 0)
)

select
    customer_key,
    kind,
    action,
    title,
    evidence,
    reason,
    purpose,
    channel,
    lawful_basis,
    consent_changed_at,
    cast(score as double) as score,
    cast(row_number() over (partition by customer_key order by score desc, action asc) as int) as action_rank,
    {{ dbt.dateadd('day', 'valid_days', as_of()) }} as valid_until
from allowed
where kind_rank = 1
