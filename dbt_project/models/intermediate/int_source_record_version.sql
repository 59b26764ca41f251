{{ config(materialized='table') }}

{%- set attributes = [
    'given_name', 'family_name', 'email', 'phone', 'street', 'house_number', 'postal_code', 'city', 'region', 'country',
    'loyalty_tier'
] -%}
with records as (
    select * from {{ ref('int_source_record') }}
),

delivered as (
    select * from {{ ref('int_delivered_source_record_version') }}
),

versions as (
    -- Deleted source records have no history: the join leaves them out.
    select
        delivered.source_system,
        delivered.source_record_id,
        {%- for attribute in attributes %}
            delivered.{{ attribute }},
        {%- endfor %}
        delivered.version_at,
        delivered.is_current,
        records.recorded_at
    from delivered
    inner join records
        on
            delivered.source_system = records.source_system
            and delivered.source_record_id = records.source_record_id

    union all

    -- A system without versions: its present values count for its whole history.
    select
        records.source_system,
        records.source_record_id,
        {%- for attribute in attributes %}
            records.{{ attribute }},
        {%- endfor %}
        records.recorded_at as version_at,
        true as is_current,
        records.recorded_at
    from records
    left join delivered
        on
            records.source_system = delivered.source_system
            and records.source_record_id = delivered.source_record_id
    where delivered.source_record_id is null
),

described as (
    select
        *,
        {{ content_key(attributes) }} as content_key
    from versions
),

in_order as (
    select
        *,
        row_number() over (
            partition by source_system, source_record_id
            order by case when is_current then 1 else 0 end, version_at, content_key
        ) as version_number,
        lag(content_key) over (
            partition by source_system, source_record_id
            order by case when is_current then 1 else 0 end, version_at, content_key
        ) as previous_content_key
    from described
),

changed as (
    select
        *,
        -- The first version counts from the beginning.
        case when version_number = 1 then recorded_at else greatest(version_at, coalesce(recorded_at, version_at)) end
            as known_from
    from in_order
    where version_number = 1 or content_key <> previous_content_key
)

select
    source_system,
    source_record_id,
    {%- for attribute in attributes %}
        {{ attribute }},
    {%- endfor %}
    known_from,
    lead(known_from) over (partition by source_system, source_record_id order by version_number) as known_to
from changed
