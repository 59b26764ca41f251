{#- A figure that was added up in whatever order: the last digits of a sum depend on it, and the same input shall give the
    same table. To a millionth. -#}
{% macro steady(figure) -%}
    round(cast({{ figure }} as double), 6)
{%- endmacro %}


{#- The text that was true at the first moment, or the last; of several at the same moment always the same one. -#}
{% macro first_by(value, moment) -%}
    min_by({{ value }}, cast({{ moment }} as {{ dbt.type_string() }}) || {{ value }})
{%- endmacro %}


{% macro last_by(value, moment) -%}
    max_by({{ value }}, cast({{ moment }} as {{ dbt.type_string() }}) || {{ value }})
{%- endmacro %}
