-- The figures are those that the version in use had on examples that it had not seen; where the base rate stands, those
-- of the last one that was tried. A target that is new since the last training has scores and no training.
with scores as (
    select
        target,
        product_line,
        channel,
        horizon_days,
        max(case when basis = 'model' then 1 else 0 end) = 1 as is_in_use,
        avg(base_rate) as base_rate,
        max(model_version) as model_version
    from {{ ref('customer_propensity') }}
    group by target, product_line, channel, horizon_days
),

last_trainings as (
    select *
    from {{ ref('prediction_model') }}
    where is_current and target <> 'value'
),

adoptions as (
    select
        *,
        row_number() over (partition by model_name, model_version order by trained_as_of desc) as newest_rank
    from {{ ref('prediction_model') }}
    where decision in ('first', 'replaced')
),

adopted as (
    select * from adoptions
    where newest_rank = 1
),

joined as (
    select
        last_trainings.model_name,
        last_trainings.title,
        coalesce(last_trainings.target, scores.target) as target,
        coalesce(last_trainings.product_line, scores.product_line) as product_line,
        coalesce(last_trainings.channel, scores.channel) as channel,
        coalesce(last_trainings.horizon_days, scores.horizon_days) as horizon_days,
        coalesce(scores.model_version, last_trainings.model_version) as model_version,
        coalesce(scores.is_in_use, last_trainings.decision <> 'abstains') as is_in_use,
        last_trainings.decision,
        last_trainings.reason,
        last_trainings.trained_as_of,
        last_trainings.base_rate,
        last_trainings.auc,
        last_trainings.brier_skill,
        last_trainings.expected_calibration_error,
        last_trainings.top_decile_lift,
        last_trainings.useful_features,
        last_trainings.notes,
        scores.base_rate as shown_rate
    from last_trainings
    full outer join scores
        on
            last_trainings.target = scores.target
            and coalesce(last_trainings.product_line, '') = coalesce(scores.product_line, '')
            and coalesce(last_trainings.channel, '') = coalesce(scores.channel, '')
            and last_trainings.horizon_days = scores.horizon_days
)

select
    joined.model_name,
    joined.title,
    joined.target,
    joined.product_line,
    joined.channel,
    joined.horizon_days,
    joined.is_in_use,
    joined.model_version,
    joined.decision,
    joined.reason,
    joined.trained_as_of as last_trained_as_of,
    adopted.trained_as_of as in_use_since,
    case when adopted.model_name is null then joined.base_rate else adopted.base_rate end as base_rate,
    case when adopted.model_name is null then joined.auc else adopted.auc end as auc,
    case when adopted.model_name is null then joined.brier_skill else adopted.brier_skill end as brier_skill,
    case
        when adopted.model_name is null then joined.expected_calibration_error else adopted.expected_calibration_error
    end as expected_calibration_error,
    case when adopted.model_name is null then joined.top_decile_lift else adopted.top_decile_lift end
        as top_decile_lift,
    {{ steady('coalesce(joined.shown_rate, joined.base_rate)') }} as shown_rate,
    coalesce(adopted.useful_features, joined.useful_features) as useful_features,
    coalesce(adopted.notes, joined.notes) as notes
from joined
left join adopted on joined.model_name = adopted.model_name and joined.model_version = adopted.model_version
