{%- set settings = var('prediction') -%}
with scored as (
    select * from {{ ref('int_ranked_score') }}
),

bins as (
    select
        model_name,
        origin,
        model_version,
        scored_month,
        bin,
        abs(sum(probability) - sum(outcome)) as distance
    from scored
    group by model_name, origin, model_version, scored_month, bin
),

calibration as (
    select
        model_name,
        origin,
        model_version,
        scored_month,
        sum(distance) as distance
    from bins
    group by model_name, origin, model_version, scored_month
),

stability as (
    select * from {{ ref('int_score_stability') }}
),

measured as (
    select
        model_name,
        origin,
        model_version,
        scored_month,
        count(*) as score_count,
        sum(outcome) as positive_count,
        least(sum(outcome), count(*) - sum(outcome)) >= {{ var('performance_least_outcomes') }} as is_measurable,
        avg(probability) as mean_probability,
        avg(outcome) as base_rate,
        avg(base_rate) as expected_base_rate,
        (sum(outcome * mean_rank) - sum(outcome) * (sum(outcome) + 1) / 2.0)
        / nullif(sum(outcome) * (count(*) - sum(outcome)), 0) as auc,
        avg(power(probability - outcome, 2)) as brier,
        1 - avg(power(probability - outcome, 2)) / nullif(avg(power(base_rate - outcome, 2)), 0) as brier_skill,
        sum(case when is_in_top_tenth then outcome end) / nullif(count(case when is_in_top_tenth then 1 end), 0)
        / nullif(avg(outcome), 0) as top_decile_lift,
        avg(gain) as mean_gain,
        stddev_samp(gain) / sqrt(count(*)) as gain_error,
        sum(outcome) - sum(probability) as surplus,
        sqrt(sum(probability * (1 - probability))) as surplus_error
    from scored
    group by model_name, origin, model_version, scored_month
),

models as (
    select
        model_name,
        title,
        target,
        product_line,
        channel,
        horizon_days
    from {{ ref('prediction_model') }}
    where is_current
),

judged as (
    select
        measured.*,
        calibration.distance / measured.score_count as expected_calibration_error,
        stability.population_stability_index,
        case
            when
                measured.is_measurable
                and measured.mean_gain < -{{ settings['worse_by_errors'] }} * measured.gain_error
                then 'it predicts worse than the base rate known at the time'
            when
                measured.is_measurable
                and abs(measured.surplus) > {{ settings['off_by_errors'] }} * measured.surplus_error
                and abs(measured.surplus)
                > {{ settings['off_by_share'] }} * measured.mean_probability * measured.score_count
                then
                    'it happened '
                    || case when measured.surplus > 0 then 'more' else 'less' end || ' often than predicted'
        end as worse_reason
    from measured
    inner join calibration
        on
            measured.model_name = calibration.model_name
            and measured.origin = calibration.origin
            and measured.model_version = calibration.model_version
            and measured.scored_month = calibration.scored_month
    inner join stability
        on
            measured.model_name = stability.model_name
            and measured.origin = stability.origin
            and measured.model_version = stability.model_version
            and measured.scored_month = stability.scored_month
)

select
    judged.model_name,
    models.title,
    models.target,
    models.product_line,
    models.channel,
    models.horizon_days,
    judged.origin,
    judged.model_version,
    judged.scored_month,
    judged.score_count,
    cast(judged.positive_count as bigint) as positive_count,
    {{ steady('judged.mean_probability') }} as mean_probability,
    judged.base_rate,
    {{ steady('judged.expected_base_rate') }} as expected_base_rate,
    case when judged.is_measurable then cast(judged.auc as double) end as auc,
    {{ steady('judged.brier') }} as brier,
    case when judged.is_measurable then {{ steady('judged.brier_skill') }} end as brier_skill,
    case when judged.is_measurable then {{ steady('judged.expected_calibration_error') }} end
        as expected_calibration_error,
    case when judged.is_measurable then cast(judged.top_decile_lift as double) end as top_decile_lift,
    {{ steady('judged.population_stability_index') }} as population_stability_index,
    judged.population_stability_index > {{ settings['drifted_from'] }} as is_drifted,
    judged.worse_reason is not null as is_worse,
    judged.worse_reason
from judged
inner join models on judged.model_name = models.model_name
