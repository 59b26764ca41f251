{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with renamed as (
    select
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.clean_text('customer_no') }} as customer_no,
        {{ context360.clean_text('product') }} as product,
        {{ context360.clean_text('ordered_at') }} as raw_ordered_at,
        {{ context360.timestamp_from_utc_text('ordered_at') }} as ordered_at,
        {{ context360.clean_text('amount') }} as raw_net_amount,
        {{ context360.money_from_text('amount') }} as net_amount,
        {{ context360.landing_columns() }}
    from {{ source('sample_shop', 'orders') }}
)

{{ context360.judged_rows(
    'renamed',
    key=['order_no'],
    parsed=['ordered_at', 'net_amount'],
    required=['customer_no', 'ordered_at', 'net_amount']
) }}
