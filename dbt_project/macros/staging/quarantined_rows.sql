{#- The contributed rows of a canonical stream that break a row rule, with the delivered row behind each: the contribution
    names it by `_dlt_load_id`, `_source_file` and `_source_row`, or else the staged row is meant whose key is (part of) the
    key of the contributed row. -#}
{% macro quarantined_rows(canonical_stream) %}
    {%- set node = context360.union_node(canonical_stream) -%}
    {%- set judged = context360.judged_contributions(canonical_stream, node, with_reason=true) -%}
    {%- if execute -%}
        {%- set text = dbt.type_string() -%}
        {%- set key = node.config.meta.canonical.key -%}
        {%- set personal = [] -%}
        {%- for column in node['columns'].values() if (column.get('config') or {}).get('meta', {}).get('personal_data') -%}
            {%- do personal.append(column.name) -%}
        {%- endfor -%}
        {%- set key_texts = [] -%}
        {%- for column in key -%}
            {%- do key_texts.append('cast(' ~ column ~ ' as ' ~ text ~ ')') -%}
        {%- endfor -%}
        {%- set label = [] -%}
        {%- for column in key if column not in personal -%}
            {#- A key with an @ is an address. -#}
            {%- set written = 'cast(numbered.' ~ column ~ ' as ' ~ text ~ ')' -%}
            {%- do label.append("case when " ~ written ~ " like '%@%' then substring(" ~ written
                ~ ", 1, 1) || '***' else " ~ written ~ " end") -%}
        {%- endfor %}
with {{ judged }},

numbered as (
    select
        *,
        row_number() over (order by source_system{{ ', ' if key }}{{ key | join(', ') }}) as row_no
    from judged
    where quarantine_rule is not null
),

named as (
        {%- for key_text in key_texts %}
    select
        source_system,
        row_no,
        {{ key_text }} as key_text
    from numbered

    union all
        {%- endfor %}

    select
        source_system,
        row_no,
        {{ "concat_ws('|', " ~ key_texts | join(', ') ~ ")" if key_texts else "cast(null as " ~ text ~ ")" }} as key_text
    from numbered
),

staged as (
    {{ context360._staged_keys(canonical_stream) }}
),

located as (
    select
        named.row_no,
        staged.stream,
        staged._dlt_load_id,
        staged._source_file,
        staged._source_row,
        row_number() over (
            partition by named.row_no order by staged.key_width desc, staged.stream asc, staged.key_text asc
        ) as place
    from named
    inner join staged on named.source_system = staged.source_system and named.key_text = staged.key_text
)

select
    numbered.source_system,
    '{{ canonical_stream }}' as canonical_stream,
    coalesce(located.stream, nullif(numbered.fed_by, '')) as stream,
    {{ "concat_ws(' / ', " ~ label | join(', ') ~ ")" if label else "cast(null as " ~ text ~ ")" }} as row_key,
    numbered.quarantine_rule,
    numbered.quarantine_reason,
    coalesce(numbered._dlt_load_id, located._dlt_load_id) as load_id,
    coalesce(numbered._source_file, located._source_file) as source_file,
    coalesce(numbered._source_row, located._source_row) as source_row,
    {{ 'numbered.order_id' if canonical_stream == 'order_line' else 'cast(null as ' ~ text ~ ') as order_id' }},
    {{ row_as_json('numbered') }} as raw_row
from numbered
left join located on numbered.row_no = located.row_no and located.place = 1
    {%- endif -%}
{% endmacro %}


{#- The keys of the staged rows behind the contributions to a canonical stream, as text. -#}
{% macro _staged_keys(canonical_stream) %}
    {%- set selects = [] -%}
    {%- for contribution in var('canonical', {}).get(canonical_stream, []) -%}
        {%- for stream in context360.streams_behind('model.' ~ project_name ~ '.' ~ contribution.model) -%}
            {%- set relation = context360.staging_relation('stg_' ~ stream.adapter ~ '__' ~ stream.stream) -%}
            {%- set delivered = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list -%}
            {%- if stream.get('key') and not (stream.key + ['_source_file']) | reject('in', delivered) | list -%}
                {%- set parts = [] -%}
                {%- for column in stream.key -%}
                    {%- do parts.append('cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')') -%}
                {%- endfor -%}
                {%- do selects.append("select '" ~ contribution.system ~ "' as source_system, '" ~ stream.stream
                    ~ "' as stream, " ~ parts | length ~ " as key_width, concat_ws('|', " ~ parts | join(', ')
                    ~ ") as key_text, _dlt_load_id, _source_file, cast(_source_row as bigint) as _source_row from "
                    ~ relation) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not selects -%}
        {%- set text = dbt.type_string() -%}
        {%- do selects.append(
            "select cast(null as " ~ text ~ ") as source_system, cast(null as " ~ text ~ ") as stream, 0 as key_width, "
            ~ "cast(null as " ~ text ~ ") as key_text, cast(null as " ~ text ~ ") as _dlt_load_id, cast(null as " ~ text
            ~ ") as _source_file, cast(null as bigint) as _source_row where 1 = 0"
        ) -%}
    {%- endif -%}
    {{ selects | join('\n    union all\n    ') }}
{%- endmacro %}
