{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'order_lines') }}
),

renamed as (
    select
        {{ context360.clean_text('order_no') }} as order_no,
        {{ context360.clean_text('line_no') }} as line_no,
        {{ context360.clean_text('sku') }} as sku,
        {{ context360.clean_text('quantity') }} as raw_quantity,
        {{ context360.number_from_text('quantity', 'decimal(18, 6)') }} as quantity,
        {{ context360.clean_text('unit_price') }} as raw_unit_price_amount,
        {{ context360.money_from_text('unit_price') }} as unit_price_amount,
        {{ context360.clean_text('discount') }} as raw_discount_amount,
        {{ context360.money_from_text('discount') }} as discount_amount,
        {{ context360.clean_text('vat_rate') }} as raw_vat_percent,
        {{ context360.number_from_text('vat_rate', 'decimal(5, 2)') }} as vat_percent,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['order_no', 'line_no'],
    parsed=['quantity', 'unit_price_amount', 'discount_amount', 'vat_percent'],
    required=['sku', 'quantity', 'unit_price_amount'],
    rules=[{
        'name': 'quantity_is_not_positive',
        'when': 'quantity <= 0',
        'reason': 'quantity is zero or negative; returns are delivered in their own stream',
    }]
) }}
