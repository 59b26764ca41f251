{#- The moment for which every answer of this run is true. No model reads the clock. -#}
{% macro as_of() -%}
    {%- if execute and not var('as_of', none) -%}
        {{ exceptions.raise_compiler_error(
            "The run has no 'as of'. Start it with `context360 run`, or pass --vars '{as_of: \"2026-01-31 00:00:00\"}'."
        ) }}
    {%- endif -%}
    cast('{{ var("as_of", "1970-01-01 00:00:00") }}' as timestamp)
{%- endmacro %}


{#- The run that builds the table, for tables that keep rows from run to run. -#}
{% macro run_id() -%}
    cast('{{ var("run_id", "") }}' as {{ dbt.type_string() }})
{%- endmacro %}
