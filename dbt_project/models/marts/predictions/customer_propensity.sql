select
    customer_key,
    target,
    product_line,
    channel,
    horizon_days,
    probability,
    base_rate,
    probability / nullif(base_rate, 0) as lift,
    basis,
    model_name,
    model_version,
    trained_as_of
from {{ source('predictions', 'propensity_score') }}
