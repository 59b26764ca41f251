{#- Where a landed row came from: carried through staging, so that every row can be traced and counted. -#}
{% macro landing_columns() -%}
    _dlt_load_id,
        _source_file,
        _source_row
{%- endmacro %}


{#-
    The end of every base model: decides the fate of each landed row.

    relation  the CTE with the interpreted rows
    key       columns that name a row of the stream
    parsed    columns that were made from text; the CTE also holds raw_<column>. Text that could not be read is a fault
    required  columns that must have a value
    rules     further row rules: {name, when, reason}; `when` is true for the rows that break the rule

    Of the valid versions of a key the newest is staged. A row that breaks a rule goes to quarantine, and the last valid
    version stays; it counts as a repeat as soon as a valid version arrives. Every other row is a repeat.
-#}
{% macro judged_rows(relation, key, parsed=[], required=[], rules=[]) %}
    {%- set faults = [] -%}
    {%- for column in key -%}
        {%- do faults.append({
            'name': column ~ '_is_missing', 'when': column ~ ' is null', 'reason': 'the key ' ~ column ~ ' is empty'
        }) -%}
    {%- endfor -%}
    {%- for column in parsed -%}
        {%- do faults.append({
            'name': column ~ '_is_unreadable', 'when': 'raw_' ~ column ~ ' is not null and ' ~ column ~ ' is null',
            'reason': column ~ ' is not written in the form that the staging model reads'
        }) -%}
    {%- endfor -%}
    {%- for column in required -%}
        {%- do faults.append({
            'name': column ~ '_is_missing', 'when': column ~ ' is null', 'reason': column ~ ' is empty'
        }) -%}
    {%- endfor -%}
    {%- set faults = faults + rules -%}
    {%- set scaffolding = ['version_rank', 'newest_valid_load_id'] -%}
    {%- for column in parsed -%}
        {%- do scaffolding.append('raw_' ~ column) -%}
    {%- endfor -%}

    , judged as (
        select
            *,
            case
                {%- for fault in faults %}
                when {{ fault.when }} then '{{ fault.name }}'
                {%- endfor %}
            end as quarantine_rule,
            case
                {%- for fault in faults %}
                when {{ fault.when }} then '{{ fault.reason }}'
                {%- endfor %}
            end as quarantine_reason
        from {{ relation }}
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by {{ key | join(', ') }}
                order by
                    case when quarantine_rule is null then 0 else 1 end,
                    _dlt_load_id desc, _source_file desc, _source_row desc
            ) as version_rank,
            max(case when quarantine_rule is null then _dlt_load_id end) over (
                partition by {{ key | join(', ') }}
            ) as newest_valid_load_id
        from judged
    ),

    decided as (
        select
            *,
            case
                when quarantine_rule is null and version_rank = 1 then 'staged'
                when quarantine_rule is null then 'repeat'
                when
                    {{ key | join(' is not null and ') }} is not null
                    and newest_valid_load_id >= _dlt_load_id
                    then 'repeat'
                else 'quarantined'
            end as row_fate
        from ranked
    ),

    counted as (
        select
            *,
            sum(case when row_fate = 'repeat' then 1 else 0 end) over (
                partition by {{ key | join(', ') }}
            ) as repeat_count
        from decided
    )

    select {{ all_columns_except(scaffolding) }}
    from counted
    where row_fate <> 'repeat'
{% endmacro %}


{#- A staging model: the rows of its base model that are good. -#}
{% macro staged_rows() %}
    {%- set base = model['name'] | replace('stg_', 'base_', 1) %}
select {{ all_columns_except(['quarantine_rule', 'quarantine_reason', 'row_fate', 'repeat_count']) }}
from {{ ref(base) }}
where row_fate = 'staged'
{% endmacro %}
