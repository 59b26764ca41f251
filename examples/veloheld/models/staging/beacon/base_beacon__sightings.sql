{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('beacon', 'sightings') }}
),

renamed as (
    select
        {{ context360.clean_text('sighting_id') }} as sighting_id,
        {{ context360.clean_text('device_id') }} as device_id,
        {{ context360.clean_text('store_id') }} as store_id,
        lower({{ context360.clean_text('zone') }}) as zone,
        rssi as signal_strength_dbm,
        {{ context360.utc_from_zoned('occurred_at') }} as occurred_at,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['sighting_id'],
    required=['device_id', 'store_id', 'zone', 'occurred_at'],
    rules=[{
        'name': 'signal_strength_is_impossible',
        'when': 'signal_strength_dbm not between -120 and 20',
        'reason': 'signal_strength_dbm is outside of what radios report; 127 stands for no measurement',
    }]
) }}
