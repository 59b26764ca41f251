{{ config(enabled=context360.adapter_is_on()) }}

select
    cart_id,
    '1' as cart_line_id,
    case when customer_no is not null then 'shop_customer_no' when cookie_id is not null then 'cookie' end
        as identifier_kind,
    coalesce(customer_no, cookie_id) as identifier_value,
    cookie_id as device_id,
    sku as product_id,
    quantity,
    added_at,
    state,
    -- The shop abandons a cart a day after it was filled and does not deliver that time.
    case
        when state = 'abandoned' then cast({{ dbt.dateadd('day', 1, 'added_at') }} as timestamp)
        else added_at
    end as state_since
from {{ ref('stg_shop__carts') }}
