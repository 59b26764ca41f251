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

-- One row per placeholder. The last part gives the columns their types where no stream has identifiers.
placeholders as (
    {% for contribution in found if execute %}
            {%- set columns = adapter.get_columns_in_relation(contribution.relation) | map(attribute='name') | map('lower') | list %}
            {%- for column in columns %}
                {%- set kind = identifier_kind_of_column(column, columns) %}
                {%- if kind %}
    select
        '{{ contribution.system }}' as source_system,
        '{{ contribution.stream }}' as canonical_stream,
        cast({{ kind }} as {{ dbt.type_string() }}) as identifier_kind,
        {{ comparable_identifier(column) }} as comparable_value
    from {{ contribution.relation }}
    where trim({{ column }}) <> '' and {{ is_placeholder_identifier(column, kind) }}

    union all
                {%- endif %}
            {%- endfor %}
    {%- endfor %}

    select
        cast(null as {{ dbt.type_string() }}) as source_system,
        cast(null as {{ dbt.type_string() }}) as canonical_stream,
        cast(null as {{ dbt.type_string() }}) as identifier_kind,
        cast(null as {{ dbt.type_string() }}) as comparable_value
    where 1 = 0
)

select
    source_system,
    canonical_stream,
    identifier_kind,
    'placeholder' as fault,
    cast(count(distinct comparable_value) as bigint) as value_count,
    cast(count(*) as bigint) as row_count,
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
