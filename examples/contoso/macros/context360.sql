{#- dbt reads these macros from the root project only; they call those of the package. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(context360.generate_schema_name(custom_schema_name, node)) }}
{%- endmacro %}

{% macro source(source_name, table_name) %}
    {{ return(context360.source(source_name, table_name)) }}
{% endmacro %}

{% materialization table, adapter="duckdb" %}
    {{ return(context360.materialize_table()) }}
{% endmaterialization %}

{% materialization view, adapter="duckdb" %}
    {{ return(context360.materialize_view()) }}
{% endmaterialization %}
