{%- set reached = reached_marts() if execute else [] -%}
with reached (source_system, mart, subject, canonical_streams, readers) as (
    {%- for reach in reached %}
    {{ 'union all' if not loop.first }}
    select
        '{{ reach.system }}',
        '{{ reach.mart }}',
        '{{ reach.subject }}',
        '{{ reach.canonical_streams }}',
        '{{ reach.readers | replace("'", "''") }}'
    {%- else %}
        select
        {%- for column in range(5) %}
                cast(null as {{ dbt.type_string() }}){{ ',' if not loop.last }}
        {%- endfor %}
        where 1 = 0
    {%- endfor %}
)

select
    source_system,
    mart,
    subject,
    case when right(mart, 8) = '_context' then replace(mart, '_context', '') end as context,
    canonical_streams,
    readers
from reached
