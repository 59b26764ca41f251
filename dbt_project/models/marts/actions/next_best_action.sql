select
    customer_key,
    kind,
    action,
    item,
    title,
    evidence,
    reason,
    purpose,
    is_profile,
    channel,
    lawful_basis,
    consent_changed_at,
    score,
    propensity,
    expected_value_amount,
    currency,
    proposal_probability,
    choice_count,
    is_greedy,
    cast(row_number() over (partition by customer_key order by score desc, action asc) as int) as action_rank,
    valid_until
from {{ ref('action_choice') }}
where is_proposed
