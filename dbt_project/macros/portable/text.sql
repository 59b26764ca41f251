{#- Parsing of delivered text: what cannot be parsed becomes null, and the rules of the base model report it. -#}

{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}


{#- '5/8/1986' -> 1986-05-08 -#}
{% macro date_from_us_text(column) -%}
    {{ adapter.dispatch('date_from_text', 'context360')(column, '%m/%d/%Y', 'M/d/yyyy') }}
{%- endmacro %}

{#- '1986-05-08' -> 1986-05-08 -#}
{% macro date_from_iso_text(column) -%}
    {{ adapter.dispatch('date_from_text', 'context360')(column, '%Y-%m-%d', 'yyyy-MM-dd') }}
{%- endmacro %}

{% macro duckdb__date_from_text(column, strptime_format, java_format) -%}
    cast(try_strptime(trim({{ column }}), '{{ strptime_format }}') as date)
{%- endmacro %}

{% macro spark__date_from_text(column, strptime_format, java_format) -%}
    cast(try_to_timestamp(trim({{ column }}), '{{ java_format }}') as date)
{%- endmacro %}


{#- '9/7/2017 0:00' -> 2017-09-07 00:00:00 -#}
{% macro timestamp_from_us_text(column) -%}
    {{ adapter.dispatch('timestamp_from_text', 'context360')(column, '%m/%d/%Y %H:%M', 'M/d/yyyy H:mm') }}
{%- endmacro %}

{% macro duckdb__timestamp_from_text(column, strptime_format, java_format) -%}
    try_strptime(trim({{ column }}), '{{ strptime_format }}')
{%- endmacro %}

{% macro spark__timestamp_from_text(column, strptime_format, java_format) -%}
    try_to_timestamp(trim({{ column }}), '{{ java_format }}')
{%- endmacro %}


{% macro number_from_text(column, data_type) -%}
    {{ context360.exact_number('trim(' ~ column ~ ')', data_type) }}
{%- endmacro %}

{#- Amounts keep up to six decimals; they are rounded where they are shown, never on the way. -#}
{% macro money_from_text(column) -%}
    {{ context360.number_from_text(column, 'decimal(18, 6)') }}
{%- endmacro %}

{#- A number with more decimals than a decimal type keeps is null: rounding it would lose money without a word. Less than
    a billionth is the noise of binary floating point, as in 12.350000000000001. -#}
{% macro exact_number(text, data_type) -%}
    {%- if data_type.lower().startswith('decimal') -%}
    case
        when abs(try_cast({{ text }} as decimal(38, 18)) - try_cast({{ text }} as {{ data_type }})) < 0.000000001
            then try_cast({{ text }} as {{ data_type }})
    end
    {%- else -%}
    try_cast({{ text }} as {{ data_type }})
    {%- endif -%}
{%- endmacro %}


{#- 'Yes' / 'No' -> true / false -#}
{% macro boolean_from_yes_no(column) -%}
    case lower(trim({{ column }})) when 'yes' then true when 'no' then false end
{%- endmacro %}


{#- '08-05-1986' -> 1986-05-08 -#}
{% macro date_from_day_first_text(column) -%}
    {{ adapter.dispatch('date_from_text', 'context360')(column, '%d-%m-%Y', 'd-M-yyyy') }}
{%- endmacro %}


{#- '2025-07-01T12:00:00Z' and '2025-07-01 12:00:00' -> 2025-07-01 12:00:00, both being UTC -#}
{% macro timestamp_from_utc_text(column) -%}
    try_cast(replace(replace(trim({{ column }}), 'T', ' '), 'Z', '') as timestamp)
{%- endmacro %}


{#- '01.07.2025 12:00' in Amsterdam -> 2025-07-01 10:00:00 UTC. An ambiguous hour (end of summer time) is the first one. -#}
{% macro utc_from_local_text(column) -%}
    {{ adapter.dispatch('utc_from_local_text', 'context360')(column) }}
{%- endmacro %}

{% macro duckdb__utc_from_local_text(column) -%}
    timezone('UTC', timezone('Europe/Amsterdam', try_strptime(trim({{ column }}), '%d.%m.%Y %H:%M')))
{%- endmacro %}

{% macro spark__utc_from_local_text(column) -%}
    to_utc_timestamp(try_to_timestamp(trim({{ column }}), 'd.M.yyyy H:mm'), 'Europe/Amsterdam')
{%- endmacro %}


{#- '1.234,50' -> 1234.50 -#}
{% macro decimal_from_comma_text(column) -%}
    {{ context360.exact_number("replace(replace(trim(" ~ column ~ "), '.', ''), ',', '.')", 'decimal(18, 6)') }}
{%- endmacro %}

{% macro money_from_comma_text(column) -%}
    {{ context360.decimal_from_comma_text(column) }}
{%- endmacro %}


{#- 'Jan de Vries' and 'de Vries, Jan' -> 'Jan' -#}
{% macro given_name_of(column) -%}
    nullif(trim(case
        when {{ column }} like '%,%' then split_part({{ column }}, ',', 2)
        else split_part(trim({{ column }}), ' ', 1)
    end), '')
{%- endmacro %}

{#- 'Jan de Vries' and 'de Vries, Jan' -> 'de Vries' -#}
{% macro family_name_of(column) -%}
    nullif(trim(case
        when {{ column }} like '%,%' then split_part({{ column }}, ',', 1)
        else substring(trim({{ column }}), length(split_part(trim({{ column }}), ' ', 1)) + 1)
    end), '')
{%- endmacro %}


{#- A moment with its time zone -> the same moment on a clock in UTC. Spark's sessions run in UTC. -#}
{% macro utc_from_zoned(column) -%}
    {{ adapter.dispatch('utc_from_zoned', 'context360')(column) }}
{%- endmacro %}

{% macro duckdb__utc_from_zoned(column) -%}
    timezone('UTC', {{ column }})
{%- endmacro %}

{% macro spark__utc_from_zoned(column) -%}
    {{ column }}
{%- endmacro %}


{#- '1' / '0' -> true / false -#}
{% macro boolean_from_digit(column) -%}
    case trim({{ column }}) when '1' then true when '0' then false end
{%- endmacro %}


{#- True for a text that cannot be an e-mail address: it lacks a single @ with text on either side. Misspelt domains are
    left to the expectations. -#}
{% macro is_no_email(column) -%}
    ({{ column }} not like '%_@_%' or {{ column }} like '%@%@%')
{%- endmacro %}
