{{ config(materialized='table') }}

-- Several systems may use one number for orders of their own. A fact of another system that names the number alone
-- leads to an order only if one system has it.
select
    source_system,
    order_id,
    count(*) over (partition by order_id) = 1 as is_only_order
from {{ ref('int_order_line') }}
group by source_system, order_id
