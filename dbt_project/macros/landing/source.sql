{#-
    The source of a staging folder is a folder of Parquet files in landing, not a table: rows/ of the stream that the
    catalog couples to it. Other sources are tables that Python steps write. Lineage stays dbt's own.
-#}
{% macro source(source_name, table_name) %}
    {%- set relation = builtins.source(source_name, table_name) -%}
    {#- A unit test brings its own rows. -#}
    {%- if execute and source_name in var('adapters', {}) and model['resource_type'] != 'unit_test' -%}
        {{ return(adapter.dispatch('parquet_folder')(landed_folder(source_name, table_name, 'rows'))) }}
    {%- endif -%}
    {{ return(relation) }}
{% endmacro %}


{#- The folder of one stream's landed rows or rejects. -#}
{% macro landed_folder(adapter_name, stream, part) -%}
    {{ var('landing_url') }}/{{ var('adapters')[adapter_name] }}/{{ stream }}/{{ part }}
{%- endmacro %}


{% macro duckdb__parquet_folder(folder) -%}
    read_parquet('{{ folder | replace("'", "''") }}/*.parquet', union_by_name = true)
{%- endmacro %}


{% macro spark__parquet_folder(folder) -%}
    (select * from parquet.`{{ folder }}`)
{%- endmacro %}


{#- Rows that could not even be read: text, line and reason, as the connector wrote them. -#}
{% macro landed_rejects(adapter_name, stream) -%}
    {{ adapter.dispatch('parquet_folder')(landed_folder(adapter_name, stream, 'rejects')) }}
{%- endmacro %}


{#- An unreadable row counts until its file is delivered again: then the newer delivery speaks. -#}
{% macro where_newest_delivery(rejects, landed) -%}
where not exists (
    select 1
    from {{ landed }} as newer
    where newer._source_file = {{ rejects }}._source_file and newer._dlt_load_id > {{ rejects }}._dlt_load_id
)
{%- endmacro %}
