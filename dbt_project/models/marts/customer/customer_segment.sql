with customers as (
    select
        relationship.customer_key,
        relationship.recency_score,
        relationship.frequency_score,
        relationship.monetary_score,
        relationship.purchase_count,
        relationship.intervals_since_purchase,
        relationship.tenure_days,
        engagement.points_now
    from {{ ref('relationship_context') }} as relationship
    inner join {{ ref('customer_engagement') }} as engagement on relationship.customer_key = engagement.customer_key
),

-- An empty bound fits every customer; customers without a purchase have neither scores nor a rhythm
-- and fit no bound on one.
fitting as (
    select
        customers.customer_key,
        segments.segment,
        segments.title,
        segments.description,
        segments.least_intervals is not null as is_silent_segment,
        row_number() over (partition by customers.customer_key order by segments.precedence) as fit
    from customers
    cross join {{ ref('segments') }} as segments
    where
        (segments.least_recency_score is null or customers.recency_score >= segments.least_recency_score)
        and (segments.most_recency_score is null or customers.recency_score <= segments.most_recency_score)
        and (segments.least_frequency_score is null or customers.frequency_score >= segments.least_frequency_score)
        and (segments.least_monetary_score is null or customers.monetary_score >= segments.least_monetary_score)
        and (segments.least_purchase_count is null or customers.purchase_count >= segments.least_purchase_count)
        and (segments.most_purchase_count is null or customers.purchase_count <= segments.most_purchase_count)
        and (segments.least_intervals is null or customers.intervals_since_purchase >= segments.least_intervals)
        and (segments.most_intervals is null or customers.intervals_since_purchase <= segments.most_intervals)
        and (segments.least_points is null or customers.points_now >= segments.least_points)
        and (segments.most_tenure_days is null or customers.tenure_days <= segments.most_tenure_days)
)

select
    customers.customer_key,
    {{ profiled("coalesce(fitting.segment, 'other')") }} as segment,
    {{ profiled("coalesce(fitting.title, 'Other')") }} as segment_title,
    {{ profiled('fitting.description') }} as description,
    {{ profiled('coalesce(fitting.is_silent_segment, false)') }} as is_silent_segment,
    {{ no_profile_reason() }} as no_profile_reason
from customers
left join fitting on customers.customer_key = fitting.customer_key and fitting.fit = 1
{{ join_profiling_gate('customers.customer_key') }}
