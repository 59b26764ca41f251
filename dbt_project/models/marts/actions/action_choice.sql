{%- set no_text = 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
{%- set text = dbt.type_string() -%}
{%- set exploration = var('action_exploration_share') -%}
{%- set facts = {
    'what': 'possible.what',
    'detail': 'possible.detail',
    'figure': whole_text('possible.figure'),
    'figure_days': counted_text('possible.figure', 'day'),
    'figure_years': counted_text('possible.figure', 'year'),
    'day': 'possible.seen_on',
    'times': whole_text('possible.times_as_likely'),
    'amount': "case when possible.expected_value_amount < 1 then 'less than 1' else "
    ~ whole_text('possible.expected_value_amount') ~ " end || ' ' || possible.currency",
    'days': "'" ~ var('action_horizon_days') ~ "'",
} %}
-- Actions need consent for their purpose and channel, with an address that may be used, and those that follow from a
-- profile a customer who may be profiled. Some wait while a complaint is open. One per kind is
-- proposed: the best one. Among things of interest a share is drawn at random, so that the log can show whether the
-- best one is the best; in the other kinds people have set the order, and nothing is drawn.
with possible as (
    select
        customer_key,
        action,
        {{ no_text }} as item,
        what,
        detail,
        figure,
        seen_on,
        cast(null as double) as times_as_likely,
        cast(null as double) as propensity,
        cast(null as decimal(18, 2)) as expected_value_amount,
        {{ no_text }} as currency
    from {{ ref('int_action_candidate') }}

    union all

    select
        customer_key,
        case when exchange_count is not null then 'show_product_line' else 'suggest_product_line' end as action,
        product_line as item,
        {{ words('product_line') }} as what,
        {{ no_text }} as detail,
        cast(exchange_count as double) as figure,
        {{ no_text }} as seen_on,
        times_as_likely,
        probability as propensity,
        expected_value_amount,
        currency
    from {{ ref('int_line_candidate') }}
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
        ) as has_model
    from {{ ref('customer_contact') }} as consents
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
    where consents.may_contact
),

-- Of the channels that they agreed to for the purpose: the one with the highest probability of an answer, if a model
-- ranks customers in any of them (elsewhere the base rate is all that is known); otherwise the one they use most.
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
                case when has_model = 1 then coalesce(response_probability, 0) else 0 end desc,
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
        {{ sentence_of(['actions.evidence_1', 'actions.evidence_2', 'actions.evidence_3'], facts) }} as evidence,
        actions.reason,
        actions.purpose,
        coalesce(actions.is_profile, true) as is_profile,
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
        -- A number from 0 to below 1, the same in every run for this customer and day.
        cast(mod(
            {{ integer_key([
                'cast(possible.customer_key as ' ~ text ~ ')', 'cast(cast(' ~ as_of() ~ ' as date) as ' ~ text ~ ')'
            ]) }},
            1000000
        ) as double) / 1000000 as draw
    from possible
    inner join {{ ref('actions') }} as actions on possible.action = actions.action
    inner join {{ ref('int_action_customer') }} as customers on possible.customer_key = customers.customer_key
    inner join channels
        on
            possible.customer_key = channels.customer_key
            and actions.purpose = channels.purpose
            and channels.channel_rank = 1
    where
        not (actions.is_held_during_complaint and customers.open_complaint_count > 0)
        and (not coalesce(actions.is_profile, true) or customers.no_profile_reason is null)
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
    coalesce(nullif(evidence, ''), title) as evidence,
    reason,
    purpose,
    is_profile,
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
