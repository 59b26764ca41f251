{%- set kinds = "('" ~ var('service_appointment_kinds') | join("', '") ~ "')" -%}
-- Contacts about service before the as of: the customer spoke or wrote to the firm, came, or made an appointment, or
-- the firm reached them by telephone. A contact that did not take place is none.
with service_touchpoints as (
    select
        touchpoint,
        is_response or is_trusted_act as may_be_work
    from {{ ref('touchpoints') }}
    where
        touchpoint in ('call_outbound', 'complaint_opened', 'complaint_reopened')
        or (direction = 'inbound' and journey_step = 'service' and (is_response or is_trusted_act))
),

-- As one could know then: an appointment that was cancelled before the as of is none.
appointments as (
    select
        customer_key,
        booked_at,
        starts_at,
        coalesce(lower(appointment_kind) in {{ kinds }}, false) as is_for_service
    from {{ ref('fct_appointment') }}
    where
        customer_key > 0
        and booked_at < {{ as_of() }}
        and not (
            coalesce(status, '') in ('cancelled', 'missed') and coalesce(changed_at, booked_at) < {{ as_of() }}
        )
)

-- Where the customer comes to us, the work is done there and then.
select
    interactions.customer_key,
    interactions.happened_at as contacted_at,
    touchpoints.may_be_work and coalesce(channels.presence = 'on_site', false) as is_service_done
from {{ ref('int_known_interaction') }} as interactions
inner join service_touchpoints as touchpoints on interactions.touchpoint = touchpoints.touchpoint
left join {{ ref('channels') }} as channels on interactions.channel = channels.channel
where interactions.took_place

union all

select
    customer_key,
    booked_at as contacted_at,
    false as is_service_done
from appointments

union all

select
    customer_key,
    starts_at as contacted_at,
    true as is_service_done
from appointments
where is_for_service and starts_at < {{ as_of() }}
