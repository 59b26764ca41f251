{#- Contact details in comparable form; a base model keeps the original beside it. -#}

{#- 'Anna@Example.com ' -> 'anna@example.com'. Also reads 'mailto:anna@example.com', 'Anna <anna@example.com>' and an address
    with quotes around it or `;`, `,` or `.` after it. A text with several addresses stays as it is: it names no one. -#}
{% macro comparable_email(column) -%}
    nullif({{ context360.regex_replaced(
        'lower(' ~ context360.clean_text(column) ~ ')',
        '([?](subject|body|cc|bcc)=.*)?[ >;,.\\x27\\x22]*$|^([^<>]*<)?[ \\x27\\x22]*(mailto:)?',
        ''
    ) }}, '')
{%- endmacro %}


{#- A number in E.164, without its extension: '06 12345678' in NL and '0031612345678' -> '+31612345678',
    '(983)566-0706x952' in US -> '+19835660706', '-6854' -> null. country: an expression that gives its code or name.
    Base tables only: the function comes with the engine's session (orchestration/warehouse/contact_details.py). -#}
{% macro comparable_phone(column, country) -%}
    e164({{ context360.clean_text(column) }}, {{ context360.quoted(country) }})
{%- endmacro %}


{#- '1234 ab' -> '1234AB', '01069-' -> '01069' -#}
{% macro comparable_postal_code(column) -%}
    nullif({{ context360.letters_and_digits("upper(" ~ context360.clean_text(column) ~ ")") }}, '')
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


{#- True for a text that cannot be an e-mail address: it lacks a single @ with text on either side. Misspelt domains are
    left to the expectations. -#}
{% macro is_no_email(column) -%}
    ({{ context360.quoted(column) }} not like '%_@_%' or {{ context360.quoted(column) }} like '%@%@%')
{%- endmacro %}
