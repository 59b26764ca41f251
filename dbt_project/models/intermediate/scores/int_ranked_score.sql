{%- set of_group = 'partition by model_name, origin, model_version, scored_month' -%}
-- Measures by their definitions, as orchestration/predictions/learning/measures.py has them: equal scores share their
-- mean rank.
with ranked as (
    select
        *,
        rank() over ({{ of_group }} order by probability)
        + (count(*) over ({{ of_group }}, probability) - 1) / 2.0 as mean_rank,
        row_number() over ({{ of_group }} order by probability desc, customer_key asc) as place,
        count(*) over ({{ of_group }}) as score_count,
        min(scored_month) over (partition by model_name, origin, model_version) as first_month
    from {{ ref('score_outcome') }}
)

select
    *,
    cast(floor(10 * (mean_rank - 0.5) / score_count) as int) + 1 as bin,
    place <= ceil(score_count / 10.0) as is_in_top_tenth,
    -- Share of log loss that the score saves against the base rate.
    case outcome
        when 1 then ln(greatest(probability, 1e-6)) - ln(greatest(base_rate, 1e-6))
        else ln(greatest(1 - probability, 1e-6)) - ln(greatest(1 - base_rate, 1e-6))
    end as gain
from ranked
