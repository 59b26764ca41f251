select
    policy,
    method,
    currency,
    decisions,
    effective_decisions,
    value_amount,
    low_amount,
    high_amount,
    notes
from {{ source('actions_judged', 'policy_value') }}
