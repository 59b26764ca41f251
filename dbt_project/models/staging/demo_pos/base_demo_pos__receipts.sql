{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_pos', 'receipts') }}
),

renamed as (
    select
        {{ clean_text('receipt_no') }} as receipt_no,
        {{ clean_text('line_no') }} as line_no,
        {{ clean_text('store_id') }} as store_id,
        {{ clean_text('till') }} as till,
        {{ clean_text('sold_at') }} as raw_sold_at,
        {{ utc_from_local_text('sold_at') }} as sold_at,
        {{ clean_text('card_no') }} as loyalty_number,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('quantity') }} as raw_quantity,
        {{ decimal_from_comma_text('quantity') }} as quantity,
        {{ clean_text('gross') }} as raw_gross_amount,
        {{ money_from_comma_text('gross') }} as gross_amount,
        {{ clean_text('discount') }} as raw_discount_amount,
        {{ money_from_comma_text('discount') }} as discount_amount,
        {{ clean_text('net') }} as raw_net_amount,
        {{ money_from_comma_text('net') }} as net_amount,
        lower({{ clean_text('kind') }}) as line_code,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
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
