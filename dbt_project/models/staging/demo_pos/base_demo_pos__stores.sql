{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_pos', 'stores') }}
),

renamed as (
    select
        {{ clean_text('store_id') }} as store_id,
        {{ clean_text('name') }} as store_name,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,
        {{ clean_text('lat') }} as raw_latitude,
        {{ number_from_text('lat', 'double') }} as latitude,
        {{ clean_text('lon') }} as raw_longitude,
        {{ number_from_text('lon', 'double') }} as longitude,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['store_id'],
    parsed=['latitude', 'longitude']
) }}
