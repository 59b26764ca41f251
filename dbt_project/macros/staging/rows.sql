{#-
    Where a landed row came from, and a digest of all that it says: carried through staging, so that every row can be
    traced and counted, and two rows of one key can be distinguished by columns that the model does not read, too.
-#}
{% macro landing_columns() -%}
    _dlt_load_id,
        _source_file,
        _source_row,
        _source_day,
        {{ context360.row_digest(['_dlt_load_id', '_source_file', '_source_row', '_source_day']) }} as _row_digest
{%- endmacro %}


{#-
    The number of a row within its document (a receipt, an invoice), for a source whose lines have no number of their
    own: part of `key` in judged_rows, beside the document.

    document  source columns or expressions that name the document

    Lines are counted in the order in which a file or table delivers them. A document must be delivered whole: a newer
    delivery of it replaces line by line what an older one said.
-#}
{% macro line_number(document) -%}
    row_number() over (
            partition by {{ (['_dlt_load_id', '_source_file'] + document) | join(', ') }} order by _source_row
        )
{%- endmacro %}


{#- What the catalog says of the stream that a base or staging model interprets. -#}
{% macro stream_of_model() %}
    {%- set adapter_name = model['fqn'][-2] -%}
    {%- set stream_name = model['name'].split('_' ~ adapter_name ~ '__', 1)[-1] -%}
    {%- for stream in var('streams', []) if stream.adapter == adapter_name and stream.stream == stream_name -%}
        {{ return(stream) }}
    {%- endfor -%}
    {{ return({'stream': stream_name}) }}
{% endmacro %}


{#- What a delivery stands for as a whole: the table, or one file. -#}
{% macro _delivery_scope(delivery) -%}
    {{ '_source_file' if delivery == 'replace' else "'table'" }}
{%- endmacro %}


{#- What grows from one delivery of it to the next. Load ids are seconds with a fraction: they sort as text. -#}
{% macro _delivery_version(delivery) -%}
    {%- if delivery == 'replace' -%}
    _dlt_load_id
    {%- else -%}
    coalesce(cast(_source_day as {{ dbt.type_string() }}), '') || '|' || _dlt_load_id
    {%- endif -%}
{%- endmacro %}


{#- A staging model: the rows of its base model that are good. -#}
{% macro staged_rows() %}
    {%- set base = model['name'] | replace('stg_', 'base_', 1) %}
    {%- set judgement = ['quarantine_rule', 'quarantine_reason', 'row_fate', 'conflicting_key', 'repeat_count'] %}
select {{ context360.all_columns_except(judgement) }}
from {{ ref(base) }}
where row_fate = 'staged'
{% endmacro %}


{#- When a version of a row came to be, where the source does not say: the day of its file, or when it landed. -#}
{% macro delivered_at() -%}
    coalesce(cast(_source_day as timestamp), {{ context360.timestamp_from_seconds('_dlt_load_id') }})
{%- endmacro %}

{#- The versions of a source record, newest and older, of a base model that keeps them. -#}
{% macro where_version() -%}
    where row_fate in ('staged', 'superseded')
{%- endmacro %}


{#- A column that can be read in several ways, which give different figures: it stops the run until a person has decided.
    `context360 check` goes on, to find all that is wrong at once. -#}
{% macro undecided(column, remedy) -%}
    {%- if execute and var('run_id', '') != 'check' -%}
        {{ exceptions.raise_compiler_error(
            model['name'] ~ ": " ~ column ~ " can be read in several ways, and a guess could publish wrong figures. Replace "
            ~ "`undecided` in " ~ model['original_file_path'] ~ " by " ~ remedy ~ "."
        ) }}
    {%- endif -%}
    null
{%- endmacro %}
