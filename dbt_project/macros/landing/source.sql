{#-
    The source of a staging folder is a folder of Parquet files in landing, not a table: rows/ of the stream that the
    catalog connects to it. Other sources are tables that Python steps write. Lineage stays dbt's own.
-#}
{% macro source(source_name, table_name) %}
    {%- set relation = builtins.source(source_name, table_name) -%}
    {#- A unit test brings its own rows. -#}
    {#- Of the package's own sources, one may bear the name of a firm's system, as `campaigns`: its tables are no streams. -#}
    {%- set is_own = model['package_name'] == 'context360' and not context360.is_delivered(source_name, table_name) -%}
    {%- set is_landed = source_name in var('adapters', {}) and not is_own -%}
    {%- if execute and is_landed and model['resource_type'] != 'unit_test' -%}
        {%- if not context360.is_delivered(source_name, table_name) -%}
            {{ return(context360.nothing_of(source_name, table_name)) }}
        {%- endif -%}
        {{ return(adapter.dispatch('parquet_folder', 'context360')(context360.landed_folder(source_name, table_name, 'rows'))) }}
    {%- endif -%}
    {{ return(relation) }}
{% endmacro %}


{#- Whether the catalog lists the stream, and not only others of its system. -#}
{% macro is_delivered(adapter_name, stream_name) %}
    {%- for stream in var('streams', []) if stream.adapter == adapter_name and stream.stream == stream_name -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{% endmacro %}


{#- A stream that is switched off: its declared columns, and no row. -#}
{% macro nothing_of(adapter_name, stream_name) -%}
    {%- set types = {
        '_dlt_load_id': dbt.type_string(), '_source_file': dbt.type_string(), '_source_row': 'bigint', '_source_day': 'date'
    } -%}
    {%- for node in graph.sources.values() if node.source_name == adapter_name and node.name == stream_name -%}
        {%- for column in node.columns.values() -%}
            {%- do types.update({column.name: dbt.type_string() if column.data_type == 'varchar' else column.data_type}) -%}
        {%- endfor -%}
    {%- endfor -%}
    (
        select
        {%- for name, data_type in types.items() %}
            cast(null as {{ data_type }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
        where 1 = 0
    )
{%- endmacro %}


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
    {{ adapter.dispatch('parquet_folder', 'context360')(context360.landed_folder(adapter_name, stream, 'rejects')) }}
{%- endmacro %}


{#- How many rows were taken out of each landed file: of erased people, and older than the stream is kept. -#}
{% macro landed_removals(adapter_name, stream) -%}
    {{ adapter.dispatch('parquet_folder', 'context360')(context360.landed_folder(adapter_name, stream, 'removed')) }}
{%- endmacro %}


{#- An unreadable row counts until its file is delivered again: then the newer delivery speaks. -#}
{% macro where_newest_delivery(rejects, landed) -%}
where not exists (
    select 1
    from {{ landed }} as newer
    where newer._source_file = {{ rejects }}._source_file and newer._dlt_load_id > {{ rejects }}._dlt_load_id
)
{%- endmacro %}
