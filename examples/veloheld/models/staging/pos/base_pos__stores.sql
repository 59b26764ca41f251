{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('pos', 'stores') }}
),

renamed as (
    select
        {{ context360.clean_text('store_id') }} as store_id,
        {{ context360.clean_text('name') }} as store_name,
        {{ context360.clean_text('city') }} as city,
        {{ context360.clean_text('country') }} as country,
        {{ context360.clean_text('lat') }} as raw_latitude,
        {{ context360.number_from_text('lat', 'double') }} as latitude,
        {{ context360.clean_text('lon') }} as raw_longitude,
        {{ context360.number_from_text('lon', 'double') }} as longitude,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['store_id'],
    parsed=['latitude', 'longitude']
) }}
