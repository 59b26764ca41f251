{{ config(materialized='table') }}

select
    cast(null as {{ dbt.type_string() }}) as source_system,
    cast(null as {{ dbt.type_string() }}) as canonical_stream,
    cast(null as {{ dbt.type_string() }}) as stream,
    cast(null as {{ dbt.type_string() }}) as row_key,
    cast(null as {{ dbt.type_string() }}) as quarantine_rule,
    cast(null as {{ dbt.type_string() }}) as quarantine_reason,
    cast(null as {{ dbt.type_string() }}) as load_id,
    cast(null as {{ dbt.type_string() }}) as source_file,
    cast(null as bigint) as source_row,
    cast(null as {{ dbt.type_string() }}) as order_id,
    cast(null as {{ dbt.type_string() }}) as raw_row
where 1 = 0
{%- for stream in var('canonical', {}).keys() | sort %}

union all

select
    source_system,
    canonical_stream,
    stream,
    row_key,
    quarantine_rule,
    quarantine_reason,
    load_id,
    source_file,
    source_row,
    order_id,
    raw_row
from (
    {{ quarantined_rows(stream) }}
) as of_{{ stream }}
{%- endfor %}
