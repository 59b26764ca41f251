{#- What DuckDB and Spark write differently, beyond dbt's cross-database macros. -#}

{% macro all_columns_except(columns) -%}
    {{ adapter.dispatch('all_columns_except', 'context360')(columns) }}
{%- endmacro %}

{% macro duckdb__all_columns_except(columns) -%}
    * exclude ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__all_columns_except(columns) -%}
    * except ({{ columns | join(', ') }})
{%- endmacro %}


{#- A digest of all columns in scope but some: equal rows have one, and rows that differ have, in practice, another. -#}
{% macro row_digest(excluded) -%}
    {{ adapter.dispatch('row_digest', 'context360')(excluded) }}
{%- endmacro %}

{% macro duckdb__row_digest(excluded) -%}
    hash(*columns(* exclude ({{ excluded | join(', ') }})))
{%- endmacro %}

{% macro spark__row_digest(excluded) -%}
    md5(to_json(struct(* except ({{ excluded | join(', ') }}))))
{%- endmacro %}


{#- A stable 8-byte key, the same on every engine and in every run: 63 bits of the MD5 of the parts. -#}
{% macro integer_key(parts) -%}
    {{ adapter.dispatch('integer_key', 'context360')(parts) }}
{%- endmacro %}

{% macro duckdb__integer_key(parts) -%}
    cast(md5_number_lower(concat_ws('|', {{ parts | join(', ') }})) >> 1 as bigint)
{%- endmacro %}

{% macro spark__integer_key(parts) -%}
    cast(shiftrightunsigned(cast(conv({{ context360._reversed_bytes("substring(md5(concat_ws('|', " ~ parts | join(', ') ~ ")), 17, 16)") }}, 16, -10) as bigint), 1) as bigint)
{%- endmacro %}

{#- The key of a member of a dimension: 53 bits, which browsers and spreadsheets hold without rounding. Filters of BI tools
    use it. Of a million members, two have one key with a chance of 0.00006; the tests of the dimension find them. -#}
{% macro dimension_key(parts) -%}
    {{ adapter.dispatch('dimension_key', 'context360')(parts) }}
{%- endmacro %}

{% macro duckdb__dimension_key(parts) -%}
    cast(md5_number_lower(concat_ws('|', {{ parts | join(', ') }})) >> 11 as bigint)
{%- endmacro %}

{% macro spark__dimension_key(parts) -%}
    shiftright({{ context360.integer_key(parts) }}, 10)
{%- endmacro %}

{% macro _reversed_bytes(hexadecimal) -%}
    concat({% for byte in range(8) %}substring({{ hexadecimal }}, {{ 15 - 2 * byte }}, 2){{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}


{#- A whole row as JSON text. -#}
{% macro row_as_json(alias) -%}
    {{ adapter.dispatch('row_as_json', 'context360')(alias) }}
{%- endmacro %}

{% macro duckdb__row_as_json(alias) -%}
    cast(to_json({{ alias }}) as varchar)
{%- endmacro %}

{% macro spark__row_as_json(alias) -%}
    to_json(struct({{ alias }}.*))
{%- endmacro %}


{#- Day of the week, 1 = Monday to 7 = Sunday (ISO 8601). -#}
{% macro iso_weekday(date_expression) -%}
    {{ adapter.dispatch('iso_weekday', 'context360')(date_expression) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(date_expression) -%}
    cast(isodow({{ date_expression }}) as integer)
{%- endmacro %}

{% macro spark__iso_weekday(date_expression) -%}
    (weekday({{ date_expression }}) + 1)
{%- endmacro %}


{#- How a table keeps one set of rows per run. Spark without a table format cannot delete: there each run appends. -#}
{% macro incremental_by_run() -%}
    {{ adapter.dispatch('incremental_by_run', 'context360')() }}
{%- endmacro %}

{% macro duckdb__incremental_by_run() -%}
    delete+insert
{%- endmacro %}

{% macro spark__incremental_by_run() -%}
    append
{%- endmacro %}


{#- The time on the wall, in the variable `time_zone`, of a moment in UTC. -#}
{% macro local_time(moment) -%}
    {{ adapter.dispatch('local_time', 'context360')(moment) }}
{%- endmacro %}

{% macro duckdb__local_time(moment) -%}
    timezone('{{ var("time_zone") }}', timezone('UTC', {{ moment }}))
{%- endmacro %}

{% macro spark__local_time(moment) -%}
    from_utc_timestamp({{ moment }}, '{{ var("time_zone") }}')
{%- endmacro %}
