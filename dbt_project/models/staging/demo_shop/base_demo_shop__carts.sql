{{ config(materialized='table', enabled=adapter_is_on()) }}

with source as (
    select * from {{ source('demo_shop', 'carts') }}
),

renamed as (
    select
        {{ clean_text('cart_id') }} as cart_id,
        {{ clean_text('cookie_id') }} as cookie_id,
        {{ clean_text('customer_no') }} as customer_no,
        {{ clean_text('sku') }} as sku,
        {{ clean_text('quantity') }} as raw_quantity,
        {{ number_from_text('quantity', 'decimal(18, 3)') }} as quantity,
        {{ clean_text('added_at') }} as raw_added_at,
        {{ timestamp_from_utc_text('added_at') }} as added_at,
        lower({{ clean_text('state') }}) as state,
        -- A cart is open before it is anything else, in whatever order that is delivered.
        case lower({{ clean_text('state') }}) when 'open' then 1 else 2 end as state_rank,
        {{ landing_columns() }}
    from source
)

{{ judged_rows(
    'renamed',
    key=['cart_id'],
    parsed=['quantity', 'added_at'],
    required=['sku', 'quantity', 'added_at', 'state'],
    rules=[{
        'name': 'quantity_is_not_positive',
        'when': 'quantity <= 0',
        'reason': 'quantity is nought or negative: nobody puts that into a cart',
    }],
    version=['state_rank']
) }}
