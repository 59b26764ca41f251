-- What the rules of next best actions look at, one row per customer.
select
    dim.customer_key,
    dim.birth_date,
    relationship.first_known_at,
    relationship.tenure_days,
    relationship.purchase_count_12m,
    relationship.current_value_amount,
    relationship.product_lines,
    relationship.product_line_count,
    relationship.value_basis,
    personal.open_complaint_count,
    personal.nps_class,
    personal.nps_answered_at,
    personal.referral_count,
    personal.is_ambassador,
    situational.need,
    situational.need_evidence,
    situational.need_action,
    situational.next_appointment_at,
    situational.cart_line_count,
    situational.cart_last_added_at,
    situational.is_cart_abandoned,
    situational.open_complaint_kind,
    situational.open_complaint_since,
    situational.open_complaint_answered_at,
    segments.segment_title,
    segments.segment,
    -- A base-rate forecast is the same for everyone: there, rank by current value.
    -- Who may not be profiled is ranked by nothing, and stands in the middle.
    case
        when relationship.no_profile_reason is not null then 0.5
        else coalesce(
            case when predicted.basis = 'model' then predicted.value_percentile end,
            percent_rank() over (order by relationship.current_value_amount)
        )
    end as value_share,
    relationship.no_profile_reason
from {{ ref('dim_customer') }} as dim
inner join {{ ref('relationship_context') }} as relationship on dim.customer_key = relationship.customer_key
inner join {{ ref('personal_context') }} as personal on dim.customer_key = personal.customer_key
inner join {{ ref('situational_context') }} as situational on dim.customer_key = situational.customer_key
inner join {{ ref('customer_segment') }} as segments on dim.customer_key = segments.customer_key
left join {{ ref('customer_value') }} as predicted on dim.customer_key = predicted.customer_key
