{#- A sum rounded to a millionth: its last digits depend on the order of addition, and the same input must give the same
    table. -#}
{% macro steady(figure) -%}
    round(cast({{ figure }} as double), 6)
{%- endmacro %}


{#- The text at the first or last moment; ties are broken by the text, so that every run gives the same. -#}
{% macro first_by(value, moment) -%}
    min_by({{ value }}, cast({{ moment }} as {{ dbt.type_string() }}) || {{ value }})
{%- endmacro %}


{% macro last_by(value, moment) -%}
    max_by({{ value }}, cast({{ moment }} as {{ dbt.type_string() }}) || {{ value }})
{%- endmacro %}
