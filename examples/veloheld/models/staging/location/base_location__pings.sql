{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('location', 'pings') }}
),

renamed as (
    select
        {{ context360.clean_text('ping_id') }} as ping_id,
        {{ context360.clean_text('device_id') }} as device_id,
        lat as latitude,
        lon as longitude,
        accuracy_m as accuracy_metres,
        {{ context360.utc_from_zoned('occurred_at') }} as occurred_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['ping_id'],
    required=['device_id', 'latitude', 'longitude', 'occurred_at'],
    rules=[{
        'name': 'position_is_impossible',
        'when': '(latitude = 0 and longitude = 0) or latitude not between -90 and 90 or longitude not between -180 and 180',
        'reason': 'latitude and longitude are no place on earth, or the 0, 0 of a device that has no fix',
    }]
) }}
