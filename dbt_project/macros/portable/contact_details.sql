{#- Contact details in comparable form; a base model keeps the original beside it. -#}

{#- 'Anna@Example.com ' -> 'anna@example.com' -#}
{% macro comparable_email(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}


{#- A number in E.164, without its extension: '06 12345678' in NL and '0031612345678' -> '+31612345678',
    '(983)566-0706x952' in US -> '+19835660706', '-6854' -> null. country: an expression that gives its code or name.
    Base tables only: the function comes with the engine's session (orchestration/warehouse/contact_details.py). -#}
{% macro comparable_phone(column, country) -%}
    e164({{ column }}, {{ country }})
{%- endmacro %}


{#- '1234 ab' -> '1234AB', '01069-' -> '01069' -#}
{% macro comparable_postal_code(column) -%}
    nullif({{ context360.letters_and_digits("upper(" ~ column ~ ")") }}, '')
{%- endmacro %}

{% macro letters_and_digits(expression) -%}
    {{ adapter.dispatch('letters_and_digits', 'context360')(expression) }}
{%- endmacro %}

{% macro duckdb__letters_and_digits(expression) -%}
    regexp_replace({{ expression }}, '[^A-Za-z0-9]', '', 'g')
{%- endmacro %}

{% macro spark__letters_and_digits(expression) -%}
    regexp_replace({{ expression }}, '[^A-Za-z0-9]', '')
{%- endmacro %}


{#- A name with single spaces and without any around it: '  Anna   Maria ' -> 'Anna Maria' -#}
{% macro clean_name(column) -%}
    {{ adapter.dispatch('clean_name', 'context360')(column) }}
{%- endmacro %}

{% macro duckdb__clean_name(column) -%}
    nullif(trim(regexp_replace({{ column }}, '\s+', ' ', 'g')), '')
{%- endmacro %}

{% macro spark__clean_name(column) -%}
    nullif(trim(regexp_replace({{ column }}, '\\s+', ' ')), '')
{%- endmacro %}
