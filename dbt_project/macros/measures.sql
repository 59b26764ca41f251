{#- A figure that was added up in whatever order: the last digits of a sum depend on it, and the same input shall give the
    same table. To a millionth. -#}
{% macro steady(figure) -%}
    round(cast({{ figure }} as double), 6)
{%- endmacro %}
