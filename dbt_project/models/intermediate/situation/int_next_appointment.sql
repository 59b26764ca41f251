-- The next appointment of each customer that was booked, and not cancelled, before the as of.
with ranked_appointments as (
    select
        appointments.customer_key,
        appointments.appointment_kind,
        appointments.starts_at,
        locations.title as location,
        row_number() over (
            partition by appointments.customer_key order by appointments.starts_at, appointments.appointment_key
        ) as next_rank
    from {{ ref('fct_appointment') }} as appointments
    left join {{ ref('dim_location') }} as locations on appointments.location_key = locations.location_key
    where
        appointments.customer_key > 0
        and appointments.booked_at < {{ as_of() }}
        and appointments.starts_at >= {{ as_of() }}
        and not (
            coalesce(appointments.status, '') = 'cancelled'
            and coalesce(appointments.changed_at, appointments.booked_at) < {{ as_of() }}
        )
)

select * from ranked_appointments
where next_rank = 1
