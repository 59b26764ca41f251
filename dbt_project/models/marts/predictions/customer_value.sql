with {{ reconciled_forecasts() }}

select
    relationship.customer_key,
    {{ as_of() }} as as_of,
    coalesce(scores.currency, relationship.currency) as currency,
    relationship.current_value_amount,
    scores.expected_purchases_30d,
    scores.expected_purchases_90d,
    scores.expected_purchases_12m,
    scores.expected_spend_amount,
    scores.expected_value_12m_amount,
    scores.probability_alive,
    1 - scores.probability_alive as churn_risk,
    scores.next_purchase_date,
    case
        when scores.expected_value_12m_amount is not null
            then percent_rank() over (
                partition by scores.expected_value_12m_amount is null order by scores.expected_value_12m_amount
            )
    end as value_percentile,
    {{ profiled("coalesce(scores.basis, 'no purchase yet')") }} as basis,
    scores.model_version,
    scores.trained_as_of,
    relationship.no_profile_reason
from {{ ref('relationship_context') }} as relationship
left join forecasts as scores on relationship.customer_key = scores.customer_key
{{ join_profiling_gate('relationship.customer_key') }}
