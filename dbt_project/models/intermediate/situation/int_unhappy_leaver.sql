{%- set unhappy_days = var('unhappy_before_leaving_days') -%}
-- Customers who were unhappy and then refused further messages: the last time that they left, with the last sign before
-- it.
with consents as (
    select
        customer_key,
        is_granted,
        valid_from,
        lag(is_granted) over (
            partition by holder_key, purpose, channel order by valid_from, consent_key
        ) as was_granted
    from {{ ref('fct_consent') }}
    where valid_from < {{ as_of() }}
),

leavings as (
    select
        customer_key,
        happened_at as left_at
    from {{ ref('int_known_interaction') }}
    where touchpoint = 'email_unsubscribed'

    union all

    select
        customer_key,
        valid_from as left_at
    from consents
    where customer_key > 0 and was_granted and not is_granted
),

-- A low rating, a complaint, or a text that reads as negative.
unhappy as (
    select
        customer_key,
        answered_at as unhappy_at,
        'rated ' || {{ whole_text('score') }} || ' of ' || {{ whole_text('scale_maximum') }} as sign
    from {{ ref('fct_survey_answer') }}
    where
        customer_key > 0
        and answered_at < {{ as_of() }}
        and (
            nps_class = 'detractor'
            or (
                is_about_satisfaction
                and score - scale_minimum <= {{ var('unhappy_score_share') }} * (scale_maximum - scale_minimum)
            )
        )

    union all

    select
        customer_key,
        opened_at as unhappy_at,
        'complaint' || coalesce(' about ' || {{ words('complaint_kind') }}, '') as sign
    from {{ ref('fct_complaint') }}
    where customer_key > 0 and opened_at < {{ as_of() }}

    union all

    select
        customer_key,
        happened_at as unhappy_at,
        'wrote a negative text' as sign
    from {{ ref('int_known_interaction') }}
    where direction = 'inbound' and sentiment_label = 'negative'
),

ranked_signs as (
    select
        leavings.customer_key,
        leavings.left_at,
        unhappy.unhappy_at,
        unhappy.sign,
        row_number() over (
            partition by leavings.customer_key
            order by leavings.left_at desc, unhappy.unhappy_at desc, unhappy.sign asc
        ) as newest_sign_rank
    from leavings
    inner join unhappy
        on
            leavings.customer_key = unhappy.customer_key
            and leavings.left_at >= unhappy.unhappy_at
            and leavings.left_at <= {{ dbt.dateadd('day', unhappy_days, 'unhappy.unhappy_at') }}
)

select
    customer_key,
    left_at,
    unhappy_at,
    sign
from ranked_signs
where newest_sign_rank = 1
