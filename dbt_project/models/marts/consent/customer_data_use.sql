{#- The kinds of data that facts hold, each with its facts and the column of their moment. -#}
{%- set of_facts = {
    'contacts': [('fct_interaction', 'happened_at')],
    'purchases': [('fct_order_line', 'ordered_at'), ('fct_booking', 'started_at')],
    'answers': [('fct_survey_answer', 'answered_at')],
    'carts': [('fct_cart_line', 'added_at')],
    'positions': [('fct_position', 'arrived_at')],
    'product_readings': [('fct_product_reading', 'valid_from')],
    'complaints': [('fct_complaint', 'opened_at')],
    'appointments': [('fct_appointment', 'booked_at')],
    'loyalty_transactions': [('fct_loyalty_transaction', 'booked_at')],
    'offers': [('fct_offer_made', 'made_at')],
    'consents': [('fct_consent', 'changed_at')],
} -%}
{#- What we derive ourselves, each with its tables and the rows that hold it. -#}
{%- set of_profiles = {
    'scores': [
        ('customer_propensity', 'probability is not null'),
        ('customer_value', 'expected_spend_amount is not null'),
    ],
    'segments': [('customer_segment', 'segment is not null')],
    'engagement': [('customer_engagement', 'points_total > 0'), ('customer_stage', 'stage is not null')],
    'interests': [('customer_preference', 'affinity is not null')],
    'influence': [('fct_customer_influence', 'pagerank is not null')],
    'needs': [('customer_need', 'need is not null'), ('action_choice', 'action is not null')],
} -%}

with attributes as (
    select * from {{ ref('data_attributes') }}
),

purposes as (
    select * from {{ ref('data_purposes') }}
),

events as (
    {%- for attribute, facts in of_facts.items() %}
        {%- set is_last = loop.last %}
        {%- for fact, moment in facts %}
            select
                customer_key,
                '{{ attribute }}' as attribute,
                source_system,
                {{ moment }} as happened_at
            from {{ ref(fact) }}
            -- What is held without a moment is held.
            where customer_key > 0 and ({{ moment }} is null or {{ moment }} < {{ as_of() }})
            {%- if not (is_last and loop.last) %}

                union all

            {% endif %}
        {%- endfor %}
    {%- endfor %}
),

-- What links the person: numbers in our systems, devices and cookies, and relations to others.
links as (
    select
        customer_key,
        'record_numbers' as attribute,
        source_system,
        recorded_at
    from {{ ref('bridge_source_record') }}
    where customer_key > 0 and (recorded_at is null or recorded_at < {{ as_of() }})

    union all

    select
        customer_key,
        'devices' as attribute,
        source_systems as source_system,
        valid_from as recorded_at
    from {{ ref('bridge_customer_identifier') }}
    where
        customer_key > 0
        and identifier_kind in {{ anonymous_identifier_kinds() }}
        and (valid_from is null or valid_from < {{ as_of() }})

    union all

    select
        from_customer_key as customer_key,
        'relations' as attribute,
        'context360' as source_system,
        since as recorded_at
    from {{ ref('bridge_customer_relation') }}
    where from_customer_key > 0 and (since is null or since < {{ as_of() }})
),

derived as (
    {%- for attribute, profiles in of_profiles.items() %}
        {%- set is_last = loop.last %}
        {%- for profile, condition in profiles %}
            select
                customer_key,
                '{{ attribute }}' as attribute
            from {{ ref(profile) }}
            where customer_key > 0 and {{ condition }}
            {%- if not (is_last and loop.last) %}

                union all

            {% endif %}
        {%- endfor %}
    {%- endfor %}
),

held as (
    select
        customer_key,
        attribute,
        source_system,
        cast(record_count as bigint) as record_count,
        recorded_at
    from {{ ref('bridge_customer_attribute') }}

    union all

    select
        customer_key,
        attribute,
        source_system,
        count(*) as record_count,
        max(recorded_at) as recorded_at
    from links
    group by customer_key, attribute, source_system

    union all

    select
        customer_key,
        attribute,
        'context360' as source_system,
        count(*) as record_count,
        {{ as_of() }} as recorded_at
    from derived
    group by customer_key, attribute

    union all

    select
        customer_key,
        attribute,
        source_system,
        count(*) as record_count,
        max(happened_at) as recorded_at
    from events
    group by customer_key, attribute, source_system
),

-- Per customer, purpose and channel that an attribute asks for (none: any channel).
granted as (
    select
        customer_key,
        purpose,
        channel as consent_channel,
        channel
    from {{ ref('customer_consent') }}
    where is_granted

    union all

    select
        customer_key,
        purpose,
        'any' as consent_channel,
        channel
    from {{ ref('customer_consent') }}
    where is_granted
),

channels as (
    select
        customer_key,
        purpose,
        consent_channel,
        {{ sorted_list_of('channel') }} as channels
    from granted
    group by customer_key, purpose, consent_channel
)

select
    held.customer_key,
    held.attribute,
    attributes.title as attribute_title,
    attributes.data_class,
    held.source_system,
    held.record_count,
    held.recorded_at,
    purposes.purpose,
    purposes.title as purpose_title,
    case
        when purposes.purpose = 'profiling' then {{ may_be_profiled() }}
        else not purposes.needs_consent or channels.customer_key is not null
    end as may_be_used,
    case
        when purposes.purpose = 'profiling' then {{ profiled("'" ~ profiling_basis() ~ "'") }}
        when not purposes.needs_consent or channels.customer_key is not null then purposes.lawful_basis
    end as lawful_basis,
    case when purposes.needs_consent then channels.channels end as consent_channels
from held
inner join attributes on held.attribute = attributes.attribute
inner join purposes on ' ' || attributes.purposes || ' ' like '% ' || purposes.purpose || ' %'
{{ join_profiling_gate('held.customer_key') }}
left join channels
    on
        held.customer_key = channels.customer_key
        and purposes.purpose = channels.purpose
        and coalesce(attributes.consent_channel, 'any') = channels.consent_channel
