{{ config(materialized='table') }}

with quarantined as (
    select
        source_system,
        order_id,
        count(*) as line_count
    from {{ ref('int_quarantined_row') }}
    where canonical_stream = 'order_line' and order_id is not null
    group by source_system, order_id
),

published as (
    select
        source_system,
        order_id,
        count(*) as line_count
    from {{ ref('int_order_line') }}
    group by source_system, order_id
),

-- Orders are named across systems: a loyalty programme books points for an order of the till.
naming as (
    select order_id from {{ ref('int_coupon_redemption') }}

    union all

    select order_id from {{ ref('int_loyalty_transaction') }}

    union all

    select order_id from {{ ref('int_survey_answer') }}

    union all

    select original_order_id as order_id from {{ ref('int_order_line') }}
),

referring as (
    select
        order_id,
        count(*) as row_count
    from naming
    where order_id is not null
    group by order_id
)

select
    quarantined.source_system,
    quarantined.order_id,
    quarantined.line_count as quarantined_lines,
    coalesce(published.line_count, 0) as published_lines,
    coalesce(referring.row_count, 0) as referring_rows
from quarantined
left join published
    on quarantined.source_system = published.source_system and quarantined.order_id = published.order_id
left join referring on quarantined.order_id = referring.order_id
