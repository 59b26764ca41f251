-- A placeholder instead of a device id describes no device; quality.unusable_identifier counts it.
select *
from (
    {{ union_of_contributions('device') }}
) as devices
where device_id is not null
