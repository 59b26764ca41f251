{#-
    Delivered text, without invisible characters. Every other macro that reads text begins with `clean_text`, so that a key is
    the same key wherever it stands. What each macro reads, and what becomes null: docs/reference/text_macros.md, which is
    generated from the cases that the tests run (tests/texts/text_cases.yml).

    The argument `column` is the name of a column or any expression. A name that is a reserved word is quoted.
-#}

{#- The text without blanks, tabs, line ends, control characters and invisible characters at its ends, and without
    zero-width spaces, byte-order marks and soft hyphens anywhere; null if nothing is left. -#}
{% macro clean_text(column) -%}
    nullif({{ context360.regex_replaced(
        'cast(' ~ context360.quoted(column) ~ ' as ' ~ dbt.type_string() ~ ')',
        '^' ~ context360._invisible() ~ '+|' ~ context360._invisible() ~ '+$|[\\x{ad}\\x{200b}\\x{2060}\\x{feff}]+',
        ''
    ) }}, '')
{%- endmacro %}

{#- A class of characters: blanks of every width, control characters, zero-width and direction marks. -#}
{% macro _invisible() -%}
    [\x{0}-\x{20}\x{7f}-\x{a0}\x{ad}\x{61c}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{3000}\x{feff}]
{%- endmacro %}


{#- A name with single spaces and without any around it: '  Anna   Maria ' -> 'Anna Maria' -#}
{% macro clean_name(column) -%}
    {{ context360.clean_text(context360.regex_replaced(
        'cast(' ~ context360.quoted(column) ~ ' as ' ~ dbt.type_string() ~ ')', '[\\s\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}]+', ' '
    )) }}
{%- endmacro %}


{#- 'Jan de Vries' and 'de Vries, Jan' -> 'Jan' -#}
{% macro given_name_of(column) -%}
    {%- set name = context360.clean_name(column) -%}
    nullif(trim(case
        when {{ name }} like '%,%' then split_part({{ name }}, ',', 2)
        else split_part({{ name }}, ' ', 1)
    end), '')
{%- endmacro %}

{#- 'Jan de Vries' and 'de Vries, Jan' -> 'de Vries' -#}
{% macro family_name_of(column) -%}
    {%- set name = context360.clean_name(column) -%}
    nullif(trim(case
        when {{ name }} like '%,%' then split_part({{ name }}, ',', 1)
        else substring({{ name }}, length(split_part({{ name }}, ' ', 1)) + 1)
    end), '')
{%- endmacro %}


{#- 'Yes' / 'No' -> true / false -#}
{% macro boolean_from_yes_no(column) -%}
    case lower({{ context360.clean_text(column) }}) when 'yes' then true when 'no' then false end
{%- endmacro %}


{#- '1' / '0' -> true / false -#}
{% macro boolean_from_digit(column) -%}
    case {{ context360.clean_text(column) }} when '1' then true when '0' then false end
{%- endmacro %}


{#- The text with every match of a regular expression replaced. The pattern is in what RE2 and Java share; it holds no
    quotes (write \x27 and \x22). replacement: with \1, \2 for the groups. -#}
{% macro regex_replaced(expression, pattern, replacement) -%}
    {{ adapter.dispatch('regex_replaced', 'context360')(expression, pattern, replacement) }}
{%- endmacro %}

{% macro duckdb__regex_replaced(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__regex_replaced(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, r'{{ pattern }}', '{{ replacement | replace("\\", "$") }}')
{%- endmacro %}
