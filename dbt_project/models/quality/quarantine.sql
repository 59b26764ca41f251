{{ config(materialized='table') }}

-- Unreadable rows have no key: they wait until their file is delivered again.
{%- for stream in var('streams', []) %}
{%- set base = ref('base_' ~ stream.adapter ~ '__' ~ stream.stream) %}
{%- set landed = source(stream.adapter, stream.stream) %}
select
    '{{ stream.system }}' as source_system,
    '{{ stream.stream }}' as stream,
    cast(null as {{ dbt.type_string() }}) as canonical_stream,
    cast(null as {{ dbt.type_string() }}) as row_key,
    judged.quarantine_rule,
    judged.quarantine_reason,
    judged._dlt_load_id as load_id,
    judged._source_file as source_file,
    judged._source_row as source_row,
    {{ row_as_json('landed') }} as raw_row
from {{ base }} as judged
inner join {{ landed }} as landed
    on
        judged._dlt_load_id = landed._dlt_load_id
        and judged._source_file = landed._source_file
        and judged._source_row = landed._source_row
where judged.row_fate = 'quarantined'

union all

select
    '{{ stream.system }}' as source_system,
    '{{ stream.stream }}' as stream,
    cast(null as {{ dbt.type_string() }}) as canonical_stream,
    cast(null as {{ dbt.type_string() }}) as row_key,
    'row_is_unreadable' as quarantine_rule,
    rejects.reason as quarantine_reason,
    rejects._dlt_load_id as load_id,
    rejects._source_file as source_file,
    rejects._source_row as source_row,
    rejects.raw as raw_row
from {{ landed_rejects(stream.adapter, stream.stream) }} as rejects
{{ where_newest_delivery('rejects', landed) }}

union all
{%- endfor %}

select
    source_system,
    stream,
    canonical_stream,
    row_key,
    quarantine_rule,
    quarantine_reason,
    load_id,
    source_file,
    source_row,
    raw_row
from {{ ref('int_quarantined_row') }}
