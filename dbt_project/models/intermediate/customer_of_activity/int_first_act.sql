-- What a customer did before they were identified, such as an earlier visit on their device, does not count: at that
-- time they were not known. Nor do positions and readings, by which neither side addresses the other.
{%- set acts = {
    'int_interaction': 'happened_at',
    'int_order_line': 'ordered_at',
    'int_booking': 'started_at',
    'int_cart_line': 'added_at',
    'int_complaint': 'opened_at',
    'int_appointment': 'booked_at',
    'int_survey_answer': 'answered_at',
    'int_loyalty_transaction': 'booked_at',
    'int_consent': 'changed_at',
    'int_offer_made': 'made_at',
} %}

with acts as (
    {%- for model, moment in acts.items() %}
        select
            identifier_kind,
            identifier_value,
            min({{ moment }}) as acted_at
        from {{ ref(model) }}
        -- A stay that is booked has not begun.
        where {{ moment }} < {{ as_of() }}
        group by identifier_kind, identifier_value
        {%- if not loop.last %}

            union all

        {% endif %}
    {%- endfor %}
)

select
    customers.customer_key,
    min(acts.acted_at) as acted_at
from acts
{{ join_customer('acts') }}
where customers.customer_key is not null
group by customers.customer_key
