{#- What a number of points is still worth after some days: half of it after one half-life. -#}
{% macro decayed(points, days) -%}
    {{ points }} * power(0.5, greatest({{ days }}, 0) / {{ var('engagement_half_life_days') }}.0)
{%- endmacro %}
