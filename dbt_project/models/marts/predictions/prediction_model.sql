select
    model_name,
    title,
    target,
    product_line,
    channel,
    horizon_days,
    trained_as_of,
    model_version,
    decision,
    reason,
    -- The forecast of value has amounts to learn from, no outcomes that happen or not.
    case when target <> 'value' then example_count end as example_count,
    case when target <> 'value' then positive_count end as positive_count,
    base_rate,
    learner,
    calibration,
    auc,
    brier,
    brier_skill,
    expected_calibration_error,
    top_decile_lift,
    useful_features,
    notes,
    row_number() over (partition by model_name order by trained_as_of desc) = 1 as is_current
from {{ source('predictions', 'trained_model') }}
where trained_as_of <= {{ as_of() }}
