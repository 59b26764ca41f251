{#- What a number of points is still worth after some days: half of it after one half-life. A decimal number, so that sums
    of it are the same in whatever order they are made. -#}
{% macro decayed(points, days) -%}
    cast({{ points }} * power(0.5, greatest({{ days }}, 0) / {{ var('engagement_half_life_days') }}.0) as decimal(18, 6))
{%- endmacro %}
