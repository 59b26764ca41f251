{#- Reading text as it is delivered: what cannot be read becomes null, and the base model's rules say so. -#}

{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}


{#- '5/8/1986' -> 1986-05-08 -#}
{% macro date_from_us_text(column) -%}
    {{ adapter.dispatch('date_from_text')(column, '%m/%d/%Y', 'M/d/yyyy') }}
{%- endmacro %}

{#- '1986-05-08' -> 1986-05-08 -#}
{% macro date_from_iso_text(column) -%}
    {{ adapter.dispatch('date_from_text')(column, '%Y-%m-%d', 'yyyy-MM-dd') }}
{%- endmacro %}

{% macro duckdb__date_from_text(column, strptime_format, java_format) -%}
    cast(try_strptime(trim({{ column }}), '{{ strptime_format }}') as date)
{%- endmacro %}

{% macro spark__date_from_text(column, strptime_format, java_format) -%}
    cast(try_to_timestamp(trim({{ column }}), '{{ java_format }}') as date)
{%- endmacro %}


{#- '9/7/2017 0:00' -> 2017-09-07 00:00:00 -#}
{% macro timestamp_from_us_text(column) -%}
    {{ adapter.dispatch('timestamp_from_text')(column, '%m/%d/%Y %H:%M', 'M/d/yyyy H:mm') }}
{%- endmacro %}

{% macro duckdb__timestamp_from_text(column, strptime_format, java_format) -%}
    try_strptime(trim({{ column }}), '{{ strptime_format }}')
{%- endmacro %}

{% macro spark__timestamp_from_text(column, strptime_format, java_format) -%}
    try_to_timestamp(trim({{ column }}), '{{ java_format }}')
{%- endmacro %}


{% macro number_from_text(column, data_type) -%}
    try_cast(trim({{ column }}) as {{ data_type }})
{%- endmacro %}

{% macro money_from_text(column) -%}
    {{ number_from_text(column, 'decimal(18, 2)') }}
{%- endmacro %}


{#- 'Yes' / 'No' -> true / false -#}
{% macro boolean_from_yes_no(column) -%}
    case lower(trim({{ column }})) when 'yes' then true when 'no' then false end
{%- endmacro %}


{#- The form in which e-mail addresses are compared; the original is kept beside it. -#}
{% macro comparable_email(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}


{#- The ten digits of a North American number, without country code and extension, or null where fewer were delivered:
    '(983)566-0706x952' and '001-983-566-0706' -> '9835660706'; '-6854' -> null. -#}
{% macro north_american_phone(column) -%}
    case
        when length({{ _digits_before_extension(column) }}) >= 10
            then right({{ _digits_before_extension(column) }}, 10)
    end
{%- endmacro %}

{% macro _digits_before_extension(column) -%}
    {{ adapter.dispatch('digits')("split_part(lower(" ~ column ~ "), 'x', 1)") }}
{%- endmacro %}

{% macro duckdb__digits(expression) -%}
    regexp_replace({{ expression }}, '[^0-9]', '', 'g')
{%- endmacro %}

{% macro spark__digits(expression) -%}
    regexp_replace({{ expression }}, '[^0-9]', '')
{%- endmacro %}
