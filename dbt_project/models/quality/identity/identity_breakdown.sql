{{ config(
    materialized='incremental',
    incremental_strategy=incremental_by_run(),
    unique_key=['run_id', 'figure', 'part'],
    on_schema_change='append_new_columns',
    full_refresh=false
) }}

with assignments as (
    select * from {{ source('identity', 'assignment') }}
),

reach as (
    select
        customer_id,
        count(*) as record_count,
        count(distinct source_system) as system_count
    from assignments
    group by customer_id
),

systems as (
    select
        assignments.source_system,
        count(*) as records,
        count(case when reach.system_count > 1 then 1 end) as linked_records
    from assignments
    inner join reach on assignments.customer_id = reach.customer_id
    group by assignments.source_system
),

figures as (
    select
        'records' as figure,
        source_system as part,
        cast(records as double) as figure_value
    from systems

    union all

    select
        'share linked to other systems' as figure,
        source_system as part,
        cast(linked_records as double) / records as figure_value
    from systems

    union all

    select
        'links' as figure,
        rule as part,
        cast(count(*) as double) as figure_value
    from {{ source('identity', 'link') }}
    group by rule

    union all

    select
        'refused links' as figure,
        reason as part,
        cast(count(*) as double) as figure_value
    from {{ source('identity', 'refused_link') }}
    group by reason

    union all

    select
        'customers by number of records' as figure,
        cast(record_count as {{ dbt.type_string() }}) as part,
        cast(count(*) as double) as figure_value
    from reach
    group by record_count
)

select
    {{ run_id() }} as run_id,
    {{ as_of() }} as as_of,
    figure,
    part,
    figure_value
from figures
