with attributes as (
    select * from {{ ref('data_attributes') }}
),

purposes as (
    select * from {{ ref('data_purposes') }}
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
        'contacts' as attribute,
        source_system,
        count(*) as record_count,
        max(happened_at) as recorded_at
    from {{ ref('fct_interaction') }}
    where customer_key > 0 and happened_at < {{ as_of() }}
    group by customer_key, source_system

    union all

    select
        customer_key,
        'purchases' as attribute,
        source_system,
        count(*) as record_count,
        max(ordered_at) as recorded_at
    from (
        select
            customer_key,
            source_system,
            ordered_at
        from {{ ref('fct_order_line') }}

        union all

        select
            customer_key,
            source_system,
            started_at as ordered_at
        from {{ ref('fct_booking') }}
    ) as orders_and_bookings
    where customer_key > 0 and ordered_at < {{ as_of() }}
    group by customer_key, source_system

    union all

    select
        customer_key,
        'answers' as attribute,
        source_system,
        count(*) as record_count,
        max(answered_at) as recorded_at
    from {{ ref('fct_survey_answer') }}
    where customer_key > 0 and answered_at < {{ as_of() }}
    group by customer_key, source_system
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
    not purposes.needs_consent or channels.customer_key is not null as may_be_used,
    case when not purposes.needs_consent or channels.customer_key is not null then purposes.lawful_basis end
        as lawful_basis,
    case when purposes.needs_consent then channels.channels end as consent_channels
from held
inner join attributes on held.attribute = attributes.attribute
inner join purposes on ' ' || attributes.purposes || ' ' like '% ' || purposes.purpose || ' %'
left join channels
    on
        held.customer_key = channels.customer_key
        and purposes.purpose = channels.purpose
        and coalesce(attributes.consent_channel, 'any') = channels.consent_channel
