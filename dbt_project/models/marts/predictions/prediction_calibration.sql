{%- set of_group = 'partition by model_name, origin, model_version' -%}
{%- set z = 1.959964 -%}
-- Bins of equally many scores; equal scores stay in one. Intervals are Wilson's (1927), 95 %.
with ranked as (
    select
        *,
        -- The middle of a row's place: the first of ten rows is in the first of ten bins.
        rank() over ({{ of_group }} order by probability)
        + (count(*) over ({{ of_group }}, probability) - 1) / 2.0 - 0.5 as place,
        count(*) over ({{ of_group }}) as group_count
    from {{ ref('score_outcome') }}
),

binned as (
    select
        model_name,
        origin,
        model_version,
        cast(floor(10 * place / group_count) as int) + 1 as bin,
        count(*) as score_count,
        avg(probability) as predicted,
        avg(outcome) as observed
    from ranked
    group by model_name, origin, model_version, cast(floor(10 * place / group_count) as int) + 1
),

models as (
    select
        model_name,
        title
    from {{ ref('prediction_model') }}
    where is_current
),

intervals as (
    select
        *,
        (observed + {{ z * z / 2 }} / score_count) / (1 + {{ z * z }} / score_count) as middle,
        {{ z }} * sqrt(observed * (1 - observed) / score_count + {{ z * z / 4 }} / (score_count * score_count))
        / (1 + {{ z * z }} / score_count) as reach
    from binned
)

select
    intervals.model_name,
    models.title,
    intervals.origin,
    intervals.model_version,
    intervals.bin,
    intervals.score_count,
    {{ steady('intervals.predicted') }} as predicted,
    intervals.observed,
    greatest(intervals.middle - intervals.reach, 0) as observed_low,
    least(intervals.middle + intervals.reach, 1) as observed_high
from intervals
inner join models on intervals.model_name = models.model_name
