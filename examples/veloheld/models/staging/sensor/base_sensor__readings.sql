{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('sensor', 'readings') }}
),

renamed as (
    select
        {{ context360.clean_text('reading_id') }} as reading_id,
        {{ context360.clean_text('bike_serial') }} as bike_serial,
        battery_percent,
        odometer_km,
        {{ context360.clean_text('fault_code') }} as fault_code,
        {{ context360.utc_from_zoned('occurred_at') }} as occurred_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['reading_id'],
    required=['bike_serial', 'occurred_at'],
    rules=[
        {
            'name': 'battery_is_impossible',
            'when': 'battery_percent not between 0 and 100',
            'reason': 'battery_percent is no percentage',
        },
        {
            'name': 'odometer_is_impossible',
            'when': 'odometer_km < 0',
            'reason': 'odometer_km is negative',
        },
    ]
) }}
