{#- Points after exponential decay over some days. A decimal number, so that sums do not depend on their order. -#}
{% macro decayed(points, days) -%}
    cast({{ points }} * power(0.5, greatest({{ days }}, 0) / {{ var('engagement_half_life_days') }}.0) as decimal(18, 6))
{%- endmacro %}


{#- The points that one exchange earns: those of the settings, or of the learned version that the installation has chosen.
    touchpoint, set_points: columns of the settings touchpoints. -#}
{% macro earned_points(touchpoint, set_points) -%}
    {%- set learned = var('learned_engagement_points', {}) -%}
    {%- if learned -%}
    cast(
        case {{ touchpoint }}
            {%- for name, points in learned.items() %}
            when '{{ name }}' then {{ points }}
            {%- endfor %}
            else {{ set_points }}
        end as int
    )
    {%- else -%}
    {{ set_points }}
    {%- endif -%}
{%- endmacro %}


{#- Whether an interaction took place: no contact with an outcome such as `cancelled`, no appointment that was cancelled or
    missed, and no return that stands under a touchpoint with which orders are placed. Reads the tables `touchpoints` and
    `not_kept`. -#}
{% macro took_place(rows) -%}
    (
        coalesce(lower({{ rows }}.outcome), '') not in ('{{ var("outcomes_without_exchange") | join("', '") }}')
        and not_kept.appointment_id is null
        and not (coalesce({{ rows }}.amount, 0) < 0 and coalesce(touchpoints.is_purchase, false) and not {{ rows }}.is_purchase)
    )
{%- endmacro %}


{#- Whether the measures of a month reach a stage, or one above it: who trusts also communicates. measures has a column
    per stage, bounds a column `<stage>_enters_at`. -#}
{% macro enters_stage(stage, measures, bounds) -%}
    {%- set reached = [] -%}
    {%- for higher in earned_stages() -%}
        {%- if loop.index0 >= earned_stages().index(stage) -%}
            {%- do reached.append(measures ~ '.' ~ higher ~ ' >= ' ~ bounds ~ '.' ~ higher ~ '_enters_at') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ reached | join(' or ') }}
{%- endmacro %}
