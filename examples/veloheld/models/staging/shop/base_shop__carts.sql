{{ config(materialized='table', enabled=context360.adapter_is_on()) }}

with source as (
    select * from {{ source('shop', 'carts') }}
),

renamed as (
    select
        {{ context360.clean_text('cart_id') }} as cart_id,
        {{ context360.clean_text('cookie_id') }} as cookie_id,
        {{ context360.clean_text('customer_no') }} as customer_no,
        {{ context360.clean_text('sku') }} as sku,
        {{ context360.clean_text('quantity') }} as raw_quantity,
        {{ context360.number_from_text('quantity', 'decimal(18, 6)') }} as quantity,
        {{ context360.clean_text('added_at') }} as raw_added_at,
        {{ context360.timestamp_from_utc_text('added_at') }} as added_at,
        lower({{ context360.clean_text('state') }}) as state,
        -- Open is the first state of a cart, whatever the order of delivery.
        case lower({{ context360.clean_text('state') }}) when 'open' then 1 else 2 end as state_rank,
        {{ context360.landing_columns() }}
    from source
)

{{ context360.judged_rows(
    'renamed',
    key=['cart_id'],
    parsed=['quantity', 'added_at'],
    required=['sku', 'quantity', 'added_at', 'state'],
    rules=[{
        'name': 'quantity_is_not_positive',
        'when': 'quantity <= 0',
        'reason': 'quantity is zero or negative, which a cart cannot hold',
    }],
    version=['state_rank']
) }}
