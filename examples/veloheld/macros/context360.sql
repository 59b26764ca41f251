{#- dbt takes these two from the root project only: hand them on to the package. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(context360.generate_schema_name(custom_schema_name, node)) }}
{%- endmacro %}

{% macro source(source_name, table_name) %}
    {{ return(context360.source(source_name, table_name)) }}
{% endmacro %}
