{%- set text = dbt.type_string() -%}
{%- set no_text = 'cast(null as ' ~ text ~ ')' -%}
{%- set exploration = var('action_exploration_share') -%}
-- Every candidate says why. What nobody has consented to is not proposed; neither is what would hurt while a complaint is
-- open. Of each kind one is proposed: the best one, except that among things of interest a few are drawn, so that the log
-- can tell whether the best one is the best. In the other kinds people have set what comes first; nothing is drawn there.
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
        predicted.currency,
        -- What everybody is expected to bring alike tells nobody apart.
        coalesce(
            case when predicted.basis = 'model' then predicted.value_percentile end,
            percent_rank() over (order by relationship.current_value_amount)
        ) as value_share
    from {{ ref('dim_customer') }} as dim
    inner join {{ ref('relationship_context') }} as relationship on dim.customer_key = relationship.customer_key
    inner join {{ ref('personal_context') }} as personal on dim.customer_key = personal.customer_key
    inner join {{ ref('situational_context') }} as situational on dim.customer_key = situational.customer_key
    inner join {{ ref('customer_segment') }} as segments on dim.customer_key = segments.customer_key
    left join {{ ref('customer_value') }} as predicted on dim.customer_key = predicted.customer_key
),

falls as (
    select customer_key, stage, previous_stage, valid_from
    from {{ ref('customer_stage') }}
    where
        is_current
        and valid_from >= {{ dbt.dateadd('day', -60, as_of()) }}
        and (previous_stage = 'commit' or (previous_stage = 'trust' and stage in ('attract', 'communicate')))
),

-- What they look at often and have never bought of.
looked_at as (
    select
        preferences.customer_key,
        preferences.item as product_line,
        preferences.exchange_count
    from {{ ref('customer_preference') }} as preferences
    inner join customers on preferences.customer_key = customers.customer_key
    where
        preferences.preference_kind = 'product_line'
        and preferences.affinity_rank = 1
        and preferences.exchange_count >= 5
        and preferences.affinity >= 0.4
        and ', ' || coalesce(customers.product_lines, '') || ',' not like '%, ' || preferences.item || ',%'
),

purchases as (
    select product_line, customer_key, interaction_key, happened_at, purchase_amount
    from {{ ref('bridge_interaction_product_line') }}
    where purchase_amount is not null and happened_at < {{ as_of() }}
),

owned as (
    select customer_key, product_line, count(*) as purchase_count, max(happened_at) as last_bought_at
    from purchases
    where customer_key > 0
    group by customer_key, product_line
),

-- Whether a line is bought again and again, its buyers tell.
repeated as (
    select product_line
    from owned
    group by product_line
    having avg(case when purchase_count > 1 then 1.0 else 0.0 end) >= {{ var('action_repeat_share') }}
),

order_currencies as (
    select interaction_key, min(currency) as currency
    from {{ ref('fct_order_line') }}
    where line_kind = 'purchase' and currency is not null
    group by interaction_key
    having count(distinct currency) = 1
),

-- What a purchase of a line brings on average, per currency.
worths as (
    select
        purchases.product_line,
        order_currencies.currency,
        cast(sum(purchases.purchase_amount) as double) / count(*) as average_amount
    from purchases
    inner join order_currencies on purchases.interaction_key = order_currencies.interaction_key
    group by purchases.product_line, order_currencies.currency
),

-- Who has bought nothing yet is expected to pay as most do.
usual_currency as (
    select currency
    from order_currencies
    group by currency
    order by count(*) desc, currency asc
    limit 1
),

predicted_lines as (
    select
        propensities.customer_key,
        propensities.product_line,
        propensities.probability,
        propensities.lift,
        cast(round(propensities.probability * worths.average_amount, 2) as decimal(18, 2)) as expected_value_amount,
        worths.currency,
        propensities.lift >= {{ var('action_least_lift') }}
        and (
            owned.last_bought_at is null
            or owned.last_bought_at < {{ dbt.dateadd('day', -var('action_lately_days'), as_of()) }}
            or repeated.product_line is not null
        ) as is_likely
    from {{ ref('customer_propensity') }} as propensities
    inner join customers on propensities.customer_key = customers.customer_key
    left join usual_currency on customers.currency is null
    left join worths
        on
            propensities.product_line = worths.product_line
            and coalesce(customers.currency, usual_currency.currency) = worths.currency
    left join owned
        on propensities.customer_key = owned.customer_key and propensities.product_line = owned.product_line
    left join repeated on propensities.product_line = repeated.product_line
    where
        propensities.target = 'buy'
        and propensities.horizon_days = 90
        and propensities.basis = 'model'
        and propensities.product_line <> 'any'
),

line_candidates as (
    select
        coalesce(looked_at.customer_key, predicted.customer_key) as customer_key,
        coalesce(looked_at.product_line, predicted.product_line) as product_line,
        looked_at.exchange_count,
        predicted.probability,
        predicted.expected_value_amount,
        case when predicted.expected_value_amount is not null then predicted.currency end as currency,
        case
            when predicted.is_likely
                then
                    cast(cast(round(predicted.lift) as int) as {{ text }}) || ' times as likely as others to buy '
                    || case
                        when looked_at.product_line is not null then 'it'
                        else replace(predicted.product_line, '_', ' ')
                    end
                    || ' within 90 days'
        end as likely_evidence,
        case
            when predicted.expected_value_amount is null then ''
            else
                '; expected '
                || case
                    when predicted.expected_value_amount < 1 then 'less than 1'
                    else cast(cast(round(predicted.expected_value_amount) as bigint) as {{ text }})
                end
                || ' ' || predicted.currency || case when predicted.is_likely then '' else ' within 90 days' end
        end as value_evidence
    from looked_at
    full outer join predicted_lines as predicted
        on looked_at.customer_key = predicted.customer_key and looked_at.product_line = predicted.product_line
    where looked_at.customer_key is not null or predicted.is_likely
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
),

possible as (
    select
        customer_key,
        action,
        {{ no_text }} as item,
        evidence,
        cast(null as double) as propensity,
        cast(null as decimal(18, 2)) as expected_value_amount,
        {{ no_text }} as currency
    from candidates

    union all

    select
        customer_key,
        case when exchange_count is not null then 'show_product_line' else 'suggest_product_line' end as action,
        product_line as item,
        case
            when exchange_count is not null
                then
                    cast(exchange_count as {{ text }}) || ' contacts about ' || replace(product_line, '_', ' ')
                    || ', bought none of it' || coalesce('; ' || likely_evidence, '')
            else likely_evidence
        end || value_evidence as evidence,
        probability as propensity,
        expected_value_amount,
        currency
    from line_candidates
),

agreed as (
    select
        consents.customer_key,
        consents.purpose,
        consents.channel,
        consents.lawful_basis,
        consents.changed_at,
        preferences.affinity,
        answers.probability as response_probability,
        max(case when answers.basis = 'model' then 1 else 0 end) over (
            partition by consents.customer_key, consents.purpose
        ) as is_told_apart
    from {{ ref('customer_consent') }} as consents
    left join {{ ref('customer_preference') }} as preferences
        on
            consents.customer_key = preferences.customer_key
            and consents.channel = preferences.item
            and preferences.preference_kind = 'channel'
    left join {{ ref('customer_propensity') }} as answers
        on
            consents.customer_key = answers.customer_key
            and consents.channel = answers.channel
            and answers.target = 'respond'
    where consents.is_granted
),

-- Among the channels that they agreed to for the purpose, the one where they are likeliest to answer, if a model tells
-- customers apart in any of them (in the others the base rate is all that is known); otherwise the one they use most.
channels as (
    select
        customer_key,
        purpose,
        channel,
        lawful_basis,
        changed_at,
        row_number() over (
            partition by customer_key, purpose
            order by
                case when is_told_apart = 1 then coalesce(response_probability, 0) else 0 end desc,
                coalesce(affinity, 0) desc,
                channel asc
        ) as channel_rank
    from agreed
),

allowed as (
    select
        possible.customer_key,
        actions.kind,
        possible.action,
        possible.item,
        actions.title,
        possible.evidence,
        actions.reason,
        actions.purpose,
        channels.channel,
        channels.lawful_basis,
        channels.changed_at as consent_changed_at,
        actions.base_score * (1 + customers.value_share) / 2 as score,
        possible.propensity,
        possible.expected_value_amount,
        possible.currency,
        actions.valid_days,
        cast(count(*) over (partition by possible.customer_key, actions.kind) as int) as choice_count,
        row_number() over (
            partition by possible.customer_key, actions.kind
            order by
                actions.base_score desc,
                coalesce(possible.expected_value_amount, -1) desc,
                possible.action asc,
                possible.item asc
        ) as kind_rank,
        -- A number from 0 to below 1 that any run for the same customer and day finds again.
        cast(mod(
            {{ integer_key([
                'cast(possible.customer_key as ' ~ text ~ ')', 'cast(cast(' ~ as_of() ~ ' as date) as ' ~ text ~ ')'
            ]) }},
            1000000
        ) as double) / 1000000 as draw
    from possible
    inner join {{ ref('actions') }} as actions on possible.action = actions.action
    inner join customers on possible.customer_key = customers.customer_key
    inner join channels
        on
            possible.customer_key = channels.customer_key
            and actions.purpose = channels.purpose
            and channels.channel_rank = 1
    where not (actions.is_held_during_complaint and customers.open_complaint_count > 0)
),

drawn as (
    select
        *,
        case
            when kind = 'interest' and draw < {{ exploration }}
                then 1 + least(cast(floor(draw / nullif({{ exploration }}, 0) * choice_count) as int), choice_count - 1)
            else 1
        end as proposed_rank
    from allowed
)

select
    customer_key,
    kind,
    action,
    item,
    title,
    evidence,
    reason,
    purpose,
    channel,
    lawful_basis,
    consent_changed_at,
    cast(score as double) as score,
    propensity,
    expected_value_amount,
    currency,
    choice_count,
    kind_rank = 1 as is_greedy,
    cast(case
        when kind = 'interest' and kind_rank = 1 then 1 - {{ exploration }} * (choice_count - 1) / choice_count
        when kind = 'interest' then {{ exploration }} / choice_count
        when kind_rank = 1 then 1
        else 0
    end as double) as proposal_probability,
    kind_rank = proposed_rank as is_proposed,
    {{ dbt.dateadd('day', 'valid_days', as_of()) }} as valid_until
from drawn
