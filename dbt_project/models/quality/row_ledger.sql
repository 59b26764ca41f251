{{ config(
    materialized='incremental',
    incremental_strategy=incremental_by_run(),
    unique_key=['run_id', 'source_system', 'stream'],
    on_schema_change='append_new_columns',
    full_refresh=false
) }}

-- Landed rows and their outcomes are counted independently: the difference must be zero for every stream.
{%- for stream in var('streams', []) %}
{%- set base = ref('base_' ~ stream.adapter ~ '__' ~ stream.stream) %}
{%- set landed = source(stream.adapter, stream.stream) %}
{{ "union all" if not loop.first }}
select
    '{{ stream.system }}' as source_system,
    '{{ stream.stream }}' as stream,
    {{ run_id() }} as run_id,
    {{ as_of() }} as as_of,
    landed.row_count + removed.erased_rows + removed.expired_rows as landed_rows,
    fates.staged_rows,
    fates.deleted_rows,
    fates.quarantined_rows,
    fates.repeat_rows,
    fates.later_rows,
    removed.erased_rows,
    removed.expired_rows,
    unreadable.row_count as unreadable_rows,
    withheld.row_count as withheld_rows,
    landed.row_count - fates.staged_rows - fates.quarantined_rows - fates.repeat_rows - fates.later_rows as difference
from (select count(*) as row_count from {{ landed }}) as landed
cross join (
    select
        count(case when row_fate in ('staged', 'deleted') then 1 end) as staged_rows,
        count(case when row_fate = 'deleted' then 1 end) as deleted_rows,
        count(case when row_fate = 'quarantined' then 1 end) as quarantined_rows,
        cast(coalesce(sum(repeat_count), 0) as bigint) as repeat_rows,
        count(case when row_fate = 'later' then 1 end) as later_rows
    from {{ base }}
) as fates
cross join (
    select count(*) as row_count
    from {{ landed_rejects(stream.adapter, stream.stream) }} as rejects
    {{ where_newest_delivery('rejects', landed) }}
) as unreadable
cross join (
    select
        cast(coalesce(sum(erased_rows), 0) as bigint) as erased_rows,
        cast(coalesce(sum(expired_rows), 0) as bigint) as expired_rows
    from {{ landed_removals(stream.adapter, stream.stream) }}
) as removed
cross join (
    select count(distinct concat_ws('|', load_id, source_file, cast(source_row as {{ dbt.type_string() }}))) as row_count
    from {{ ref('int_quarantined_row') }}
    where source_system = '{{ stream.system }}' and stream = '{{ stream.stream }}'
) as withheld
{%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as source_system,
        cast(null as {{ dbt.type_string() }}) as stream,
        {{ run_id() }} as run_id,
        {{ as_of() }} as as_of,
        0 as landed_rows,
        0 as staged_rows,
        0 as deleted_rows,
        0 as quarantined_rows,
        0 as repeat_rows,
        0 as later_rows,
        0 as erased_rows,
        0 as expired_rows,
        0 as unreadable_rows,
        0 as withheld_rows,
        0 as difference
    where 1 = 0
{%- endfor %}
