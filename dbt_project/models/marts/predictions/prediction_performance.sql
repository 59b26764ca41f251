-- Longer than 250 lines: every measure of a score (calibration, drift, ranking) is a CTE over the same scores.
{%- set settings = var('prediction') -%}
{%- set of_group = 'partition by model_name, origin, model_version, scored_month' -%}
-- Measures by their definitions, as orchestration/predictions/measures.py has them: equal scores share their mean rank.
with ranked as (
    select
        *,
        rank() over ({{ of_group }} order by probability)
        + (count(*) over ({{ of_group }}, probability) - 1) / 2.0 as mean_rank,
        row_number() over ({{ of_group }} order by probability desc, customer_key asc) as place,
        count(*) over ({{ of_group }}) as score_count,
        min(scored_month) over (partition by model_name, origin, model_version) as first_month
    from {{ ref('score_outcome') }}
),

scored as (
    select
        *,
        least(cast(floor(10 * mean_rank / score_count) as int), 9) + 1 as bin,
        place <= ceil(score_count / 10.0) as is_in_top_tenth,
        -- Share of log loss that the score saves against the base rate.
        case outcome
            when 1 then ln(greatest(probability, 1e-6)) - ln(greatest(base_rate, 1e-6))
            else ln(greatest(1 - probability, 1e-6)) - ln(greatest(1 - base_rate, 1e-6))
        end as gain
    from ranked
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

-- Deciles of the scores of the first month, and how many scores of each month fall into them.
edges as (
    select
        model_name,
        origin,
        model_version,
        bin,
        max(probability) as edge
    from scored
    where scored_month = first_month and bin < 10
    group by model_name, origin, model_version, bin
),

placed as (
    select
        scored.model_name,
        scored.origin,
        scored.model_version,
        scored.scored_month,
        scored.first_month,
        scored.customer_key,
        count(case when edges.edge < scored.probability then 1 end) as decile
    from scored
    left join edges
        on
            scored.model_name = edges.model_name
            and scored.origin = edges.origin
            and scored.model_version = edges.model_version
    group by
        scored.model_name, scored.origin, scored.model_version, scored.scored_month, scored.first_month,
        scored.customer_key
),

counted as (
    select
        model_name,
        origin,
        model_version,
        scored_month,
        first_month,
        decile,
        count(*) + 0.5 as score_count
    from placed
    group by model_name, origin, model_version, scored_month, first_month, decile
),

months as (
    select distinct
        model_name,
        origin,
        model_version,
        scored_month,
        first_month
    from counted
),

deciles as (
    select distinct
        model_name,
        origin,
        model_version,
        decile
    from counted
),

-- Half a row is added to each decile, so that an empty one stays finite.
spread as (
    select
        months.model_name,
        months.origin,
        months.model_version,
        months.scored_month,
        coalesce(now.score_count, 0.5)
        / sum(coalesce(now.score_count, 0.5)) over (
            partition by months.model_name, months.origin, months.model_version, months.scored_month
        ) as share,
        coalesce(before.score_count, 0.5)
        / sum(coalesce(before.score_count, 0.5)) over (
            partition by months.model_name, months.origin, months.model_version, months.scored_month
        ) as first_share
    from months
    inner join deciles
        on
            months.model_name = deciles.model_name
            and months.origin = deciles.origin
            and months.model_version = deciles.model_version
    left join counted as now
        on
            months.model_name = now.model_name
            and months.origin = now.origin
            and months.model_version = now.model_version
            and months.scored_month = now.scored_month
            and deciles.decile = now.decile
    left join counted as before
        on
            months.model_name = before.model_name
            and months.origin = before.origin
            and months.model_version = before.model_version
            and months.first_month = before.scored_month
            and deciles.decile = before.decile
),

stability as (
    select
        model_name,
        origin,
        model_version,
        scored_month,
        sum((share - first_share) * ln(share / first_share)) as population_stability_index
    from spread
    group by model_name, origin, model_version, scored_month
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
                then 'it says less than the base rate that was known'
            when
                measured.is_measurable
                and abs(measured.surplus) > {{ settings['off_by_errors'] }} * measured.surplus_error
                and abs(measured.surplus)
                > {{ settings['off_by_share'] }} * measured.mean_probability * measured.score_count
                then
                    'it happened '
                    || case when measured.surplus > 0 then 'more' else 'less' end || ' often than it said'
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
