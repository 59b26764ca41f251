-- Deciles of the scores of the first month, and how many scores of each month fall into them.
with scored as (
    select * from {{ ref('int_ranked_score') }}
),

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
)

select
    model_name,
    origin,
    model_version,
    scored_month,
    sum((share - first_share) * ln(share / first_share)) as population_stability_index
from spread
group by model_name, origin, model_version, scored_month
