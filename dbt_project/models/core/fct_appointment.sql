with appointments as (
    select * from {{ ref('int_appointment') }}
)

select
    {{ integer_key(['appointments.source_system', 'appointments.appointment_id']) }} as appointment_key,
    {{ customer_key_or_unknown() }} as customer_key,
    {{ member_key('appointments.location_id') }} as location_key,
    {{ date_key('appointments.starts_at') }} as starts_date_key,
    appointments.appointment_kind,
    appointments.status,
    appointments.booked_at,
    appointments.starts_at,
    appointments.changed_at,
    appointments.source_system,
    appointments.appointment_id as source_appointment_id
from appointments
{{ join_customer('appointments') }}
