{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('sensor', 'bikes') }}
),

renamed as (
    select
        {{ context360.clean_text('bike_serial') }} as bike_serial,
        {{ context360.clean_text('sku') }} as product_id,
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.clean_text('sold_on') }} as raw_sold_on,
        {{ context360.date_from_iso_text('sold_on') }} as sold_on,
        {{ context360.clean_text('owner_account_id') }} as owner_account_id,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['bike_serial'],
    parsed=['sold_on']
) }}
