{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_sensor', 'bikes') }}
),

renamed as (
    select
        {{ clean_text('bike_serial') }} as bike_serial,
        {{ clean_text('sku') }} as product_id,
        {{ clean_text('order_no') }} as order_no,
        {{ clean_text('sold_on') }} as raw_sold_on,
        {{ date_from_iso_text('sold_on') }} as sold_on,
        {{ clean_text('owner_account_id') }} as owner_account_id,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['bike_serial'],
    parsed=['sold_on']
) }}
