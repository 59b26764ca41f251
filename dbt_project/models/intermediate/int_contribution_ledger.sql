{{ config(materialized='table') }}

-- Contributed rows and their outcomes are counted independently: the difference must be zero.
{%- set delivered = ['exchange_rate', 'identifier', 'interaction', 'offer_made', 'relation', 'source_record_version'] %}
with rows_of_streams as (
    select
        cast(null as {{ dbt.type_string() }}) as source_system,
        cast(null as {{ dbt.type_string() }}) as canonical_stream,
        cast(0 as bigint) as contributed_rows,
        cast(0 as bigint) as published_rows
    where 1 = 0
    {%- for stream, contributions in var('canonical', {}).items() %}
    {%- set union_model = 'int_' ~ ('delivered_' if stream in delivered else '') ~ stream %}
    {%- for contribution in contributions %}

    union all

    select
        '{{ contribution.system }}' as source_system,
        '{{ stream }}' as canonical_stream,
        count(*) as contributed_rows,
        0 as published_rows
    from {{ ref(project_name, contribution.model) }}
    {%- endfor %}

    union all

    select
        source_system,
        '{{ stream }}' as canonical_stream,
        0 as contributed_rows,
        count(*) as published_rows
    from {{ ref(union_model) }}
    group by source_system
    {%- endfor %}
),

counted as (
    select
        source_system,
        canonical_stream,
        cast(sum(contributed_rows) as bigint) as contributed_rows,
        cast(sum(published_rows) as bigint) as published_rows
    from rows_of_streams
    group by source_system, canonical_stream
),

quarantined as (
    select
        source_system,
        canonical_stream,
        count(*) as row_count
    from {{ ref('int_quarantined_row') }}
    group by source_system, canonical_stream
),

later as (
    select
        cast(null as {{ dbt.type_string() }}) as source_system,
        cast(null as {{ dbt.type_string() }}) as canonical_stream,
        cast(0 as bigint) as row_count
    where 1 = 0
    {%- for stream in var('canonical', {}).keys() | sort %}
    {%- set later_rows = later_rows(stream) %}
    {%- if known_until() %}

    union all

    select
        source_system,
        '{{ stream }}' as canonical_stream,
        row_count
    from (
        {{ later_rows }}
    ) as of_{{ stream }}
    {%- endif %}
    {%- endfor %}
)

select
    counted.source_system,
    counted.canonical_stream,
    counted.contributed_rows,
    counted.published_rows,
    coalesce(quarantined.row_count, 0) as quarantined_rows,
    coalesce(later.row_count, 0) as later_rows,
    counted.contributed_rows - counted.published_rows
    - coalesce(quarantined.row_count, 0) - coalesce(later.row_count, 0) as difference
from counted
left join quarantined
    on counted.source_system = quarantined.source_system and counted.canonical_stream = quarantined.canonical_stream
left join later
    on counted.source_system = later.source_system and counted.canonical_stream = later.canonical_stream
