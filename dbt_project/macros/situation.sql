{#- A moment as people read it, to the minute: 2025-11-03 14:05 UTC. -#}
{% macro moment_text(moment) -%}
    substring(cast({{ moment }} as {{ dbt.type_string() }}), 1, 16) || ' UTC'
{%- endmacro %}


{#- A number as people read it, without decimals. -#}
{% macro whole_text(number) -%}
    cast(cast(round({{ number }}) as bigint) as {{ dbt.type_string() }})
{%- endmacro %}


{#- Whether a moment before the as of lies within so many hours of it. -#}
{% macro is_within_hours(moment, hours) -%}
    {{ dbt.datediff(moment, as_of(), 'second') }} <= {{ hours }} * 3600
{%- endmacro %}
