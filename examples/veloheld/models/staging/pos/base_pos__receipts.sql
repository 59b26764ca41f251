{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('pos', 'receipts') }}
),

renamed as (
    select
        {{ context360.clean_text('receipt_no') }} as receipt_no,
        {{ context360.clean_text('line_no') }} as line_no,
        {{ context360.clean_text('store_id') }} as store_id,
        {{ context360.clean_text('till') }} as till,
        {{ context360.clean_text('sold_at') }} as raw_sold_at,
        {{ context360.utc_from_local_text('sold_at') }} as sold_at,
        {{ context360.clean_text('card_no') }} as loyalty_number,
        {{ context360.clean_text('sku') }} as sku,
        {{ context360.clean_text('quantity') }} as raw_quantity,
        {{ context360.decimal_from_comma_text('quantity') }} as quantity,
        {{ context360.clean_text('gross') }} as raw_gross_amount,
        {{ context360.money_from_comma_text('gross') }} as gross_amount,
        {{ context360.clean_text('discount') }} as raw_discount_amount,
        {{ context360.money_from_comma_text('discount') }} as discount_amount,
        {{ context360.clean_text('net') }} as raw_net_amount,
        {{ context360.money_from_comma_text('net') }} as net_amount,
        lower({{ context360.clean_text('kind') }}) as line_code,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['receipt_no', 'line_no'],
    parsed=['sold_at', 'quantity', 'gross_amount', 'discount_amount', 'net_amount'],
    required=['sold_at', 'net_amount'],
    rules=[{
        'name': 'line_code_is_unknown',
        'when': "line_code is null or line_code not in ('s', 'r', 'w')",
        'reason': 'line_code is none of s (sale), r (return) and w (workshop)',
    }]
) }}
