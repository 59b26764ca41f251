-- Readers are followed from their first touch with the item. They are compared with customers who met
-- another item in the same quarter, in the same channel and known by the same kind of identifier (a cookie identifies
-- customers who bought or logged in), who had bought lately or not like them, and had not touched this item yet.
-- Customers who search more read more: a difference in rates does not prove that the item causes purchases.
with touches as (
    select * from {{ ref('int_content_touch') }}
),

totals as (
    select
        content_key,
        count(*) as interaction_count,
        count(case when customer_key > 0 then 1 end) as known_interaction_count,
        count(distinct case when customer_key > 0 then customer_key end) as customer_count,
        sum(engagement_points) as points_total,
        sum(points_now) as points_now
    from touches
    group by content_key
),

first_touches as (
    select
        customer_key,
        content_key,
        {{ first_by('met_by', 'happened_at') }} as met_by,
        min(second_number) as second_number,
        cast({{ dbt.date_trunc('quarter', 'min(happened_at)') }} as date) as quarter_start
    from touches
    where customer_key > 0
    group by customer_key, content_key
),

quarters_of_readers as (
    select
        customer_key,
        met_by,
        min(second_number) as second_number,
        cast({{ dbt.date_trunc('quarter', 'happened_at') }} as date) as quarter_start
    from touches
    where customer_key > 0
    group by customer_key, met_by, cast({{ dbt.date_trunc('quarter', 'happened_at') }} as date)
),

outlooks as (
    select * from {{ ref('int_reader_outlook') }}
),

last_moment as (
    select
        {{ dbt.datediff("cast('2000-01-01' as timestamp)", as_of(), 'second') }}
        - {{ var('content_outcome_days') }} * 86400 as second_number
),

followed as (
    select
        first_touches.content_key,
        first_touches.met_by,
        first_touches.quarter_start,
        outlooks.has_bought_lately,
        count(*) as reader_count,
        sum(outlooks.points_after) as points_after,
        sum(outlooks.purchases_after) as purchases_after,
        sum(outlooks.amount_after) as amount_after,
        count(case when outlooks.purchases_after > 0 then 1 end) as buyer_count
    from first_touches
    inner join outlooks
        on first_touches.customer_key = outlooks.customer_key and first_touches.second_number = outlooks.second_number
    inner join last_moment on first_touches.second_number <= last_moment.second_number
    group by
        first_touches.content_key, first_touches.met_by, first_touches.quarter_start, outlooks.has_bought_lately
),

compared as (
    select
        quarters_of_readers.customer_key,
        quarters_of_readers.met_by,
        quarters_of_readers.second_number,
        quarters_of_readers.quarter_start,
        outlooks.has_bought_lately,
        case when outlooks.purchases_after > 0 then 1 else 0 end as is_buyer
    from quarters_of_readers
    inner join outlooks
        on
            quarters_of_readers.customer_key = outlooks.customer_key
            and quarters_of_readers.second_number = outlooks.second_number
    inner join last_moment on quarters_of_readers.second_number <= last_moment.second_number
),

all_alike as (
    select
        met_by,
        quarter_start,
        has_bought_lately,
        count(*) as customer_count,
        sum(is_buyer) as buyer_count
    from compared
    group by met_by, quarter_start, has_bought_lately
),

-- Those among them who had touched the item by then; the others are the comparison. Customers who touch it later stay
-- in the comparison: buyers read more before they buy, and leaving these out would leave out buyers.
alike_who_touched as (
    select
        first_touches.content_key,
        compared.met_by,
        compared.quarter_start,
        compared.has_bought_lately,
        count(*) as customer_count,
        sum(compared.is_buyer) as buyer_count
    from compared
    inner join first_touches on compared.customer_key = first_touches.customer_key
    where first_touches.second_number <= compared.second_number
    group by first_touches.content_key, compared.met_by, compared.quarter_start, compared.has_bought_lately
),

strata as (
    select
        followed.content_key,
        followed.reader_count,
        followed.points_after,
        followed.purchases_after,
        followed.amount_after,
        followed.buyer_count,
        coalesce(all_alike.customer_count, 0) - coalesce(alike_who_touched.customer_count, 0) as comparable_count,
        coalesce(all_alike.buyer_count, 0) - coalesce(alike_who_touched.buyer_count, 0) as comparable_buyer_count
    from followed
    left join all_alike
        on
            followed.met_by = all_alike.met_by
            and followed.quarter_start = all_alike.quarter_start
            and followed.has_bought_lately = all_alike.has_bought_lately
    left join alike_who_touched
        on
            followed.content_key = alike_who_touched.content_key
            and followed.met_by = alike_who_touched.met_by
            and followed.quarter_start = alike_who_touched.quarter_start
            and followed.has_bought_lately = alike_who_touched.has_bought_lately
),

compared_strata as (
    select
        *,
        case when comparable_count >= {{ var('content_least_comparable') }} then reader_count end as compared_count
    from strata
),

outcomes as (
    select
        content_key,
        sum(reader_count) as judged_customer_count,
        sum(points_after) as points_after,
        sum(purchases_after) as purchases_after,
        sum(amount_after) as amount_after,
        cast(sum(buyer_count) as double) / sum(reader_count) as purchase_rate,
        sum(compared_count) as compared_customer_count,
        cast(sum(case when compared_count is not null then buyer_count end) as double) / sum(compared_count)
            as compared_purchase_rate,
        sum(cast(comparable_buyer_count as double) / nullif(comparable_count, 0) * compared_count) / sum(compared_count)
            as comparable_purchase_rate  -- weighted by readers
    from compared_strata
    group by content_key
)

select
    contents.content_key,
    contents.content_id,
    contents.title,
    contents.content_kind,
    contents.product_line,
    coalesce(totals.interaction_count, 0) as interaction_count,
    coalesce(totals.known_interaction_count, 0) as known_interaction_count,
    coalesce(totals.customer_count, 0) as customer_count,
    cast(coalesce(totals.points_total, 0) as bigint) as points_total,
    cast(coalesce(totals.points_now, 0) as double) as points_now,
    cast(coalesce(outcomes.judged_customer_count, 0) as bigint) as judged_customer_count,
    cast(outcomes.points_after as bigint) as points_after,
    cast(outcomes.purchases_after as bigint) as purchases_after,
    cast(outcomes.amount_after as decimal(18, 6)) as amount_after,
    outcomes.purchase_rate,
    cast(coalesce(outcomes.compared_customer_count, 0) as bigint) as compared_customer_count,
    cast(outcomes.compared_purchase_rate as double) as compared_purchase_rate,
    cast({{ steady('outcomes.comparable_purchase_rate') }} as double) as comparable_purchase_rate
from {{ ref('dim_content') }} as contents
left join totals on contents.content_key = totals.content_key
left join outcomes on contents.content_key = outcomes.content_key
where contents.content_key > 0
