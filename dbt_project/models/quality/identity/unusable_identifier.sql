{{ config(materialized='table') }}

{#- The identifiers of each contribution, found as the canonical streams find them (usable_column). -#}
{%- set found = [] -%}
{%- for canonical_stream, contributions in var('canonical', {}).items() -%}
    {%- for contribution in contributions -%}
        {%- do found.append({
            'relation': ref(project_name, contribution.model), 'system': contribution.system, 'stream': canonical_stream
        }) -%}
    {%- endfor -%}
{%- endfor -%}
with shared as (
    select * from {{ ref('int_shared_identifier') }}
),

placeholders as (
    {%- if execute %}
    {%- for contribution in found %}
        {%- set columns = adapter.get_columns_in_relation(contribution.relation) | map(attribute='name') | map('lower') | list %}
        {%- for column in columns %}
            {%- set kind = identifier_kind_of_column(column, columns) %}
            {%- if kind %}
    select
        '{{ contribution.system }}' as source_system,
        '{{ contribution.stream }}' as canonical_stream,
        cast({{ kind }} as {{ dbt.type_string() }}) as identifier_kind,
        count(distinct {{ comparable_identifier(column) }}) as value_count,
        count(*) as row_count
    from {{ contribution.relation }}
    where trim({{ column }}) <> '' and {{ is_placeholder_identifier(column, kind) }}
    group by 1, 2, 3

    union all
            {% endif %}
        {%- endfor %}
    {%- endfor %}
    {%- endif %}
    select
        cast(null as {{ dbt.type_string() }}) as source_system,
        cast(null as {{ dbt.type_string() }}) as canonical_stream,
        cast(null as {{ dbt.type_string() }}) as identifier_kind,
        cast(null as bigint) as value_count,
        cast(null as bigint) as row_count
    where 1 = 0
)

select
    source_system,
    canonical_stream,
    identifier_kind,
    'placeholder' as fault,
    cast(sum(value_count) as bigint) as value_count,
    cast(sum(row_count) as bigint) as row_count,
    cast(null as bigint) as most_per_day
from placeholders
group by source_system, canonical_stream, identifier_kind

union all

select
    'all' as source_system,
    'interaction' as canonical_stream,
    identifier_kind,
    'too many ' || measure || ' on one day' as fault,
    count(*) as value_count,
    cast(sum(count_on_busiest_day) as bigint) as row_count,
    max(most_per_day) as most_per_day
from shared
group by identifier_kind, measure
