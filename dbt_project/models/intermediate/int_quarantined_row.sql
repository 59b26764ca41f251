{{ config(materialized='table') }}

{%- set text = dbt.type_string() %}
{%- for stream in var('canonical', {}).keys() | sort %}
{{ "union all" if not loop.first }}
select * from (
{{ quarantined_rows(stream) }}
) as of_{{ stream }}
{%- else %}
select
    cast(null as {{ text }}) as source_system,
    cast(null as {{ text }}) as canonical_stream,
    cast(null as {{ text }}) as stream,
    cast(null as {{ text }}) as row_key,
    cast(null as {{ text }}) as quarantine_rule,
    cast(null as {{ text }}) as quarantine_reason,
    cast(null as {{ text }}) as load_id,
    cast(null as {{ text }}) as source_file,
    cast(null as bigint) as source_row,
    cast(null as {{ text }}) as order_id,
    cast(null as {{ text }}) as raw_row
where 1 = 0
{%- endfor %}
