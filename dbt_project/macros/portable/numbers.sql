{#-
    Numbers from text: digits, one decimal separator, a sign before them. Thousands separators are read in groups of three
    or not at all. Everything else is null, so that its row goes to quarantine: '1_000', '5e3', 'NaN', 'inf', '12 EUR'.
-#}

{#- '-1234.50' -> -1234.50. data_type: a whole-number type, decimal(…) or double. A whole number may end in '.0', as some
    programs write it. Decimals from the seventh on are rounded: programs that calculate in binary numbers write up to
    sixteen. A number with more decimals than a type of fewer than six keeps is null: rounding it would lose money
    without a word. -#}
{% macro number_from_text(column, data_type) -%}
    {%- set kind = data_type | lower -%}
    {%- if kind in ('smallint', 'int', 'integer', 'bigint') -%}
        {%- set pattern = '^([+-]?[0-9]+)(?:[.]0+)?$' -%}
    {%- elif kind.startswith('decimal(') or kind in ('double', 'float', 'real') -%}
        {%- set decimals = context360._decimals(kind) -%}
        {%- set pattern = '^([+-]?(?:[0-9]{1,38}(?:[.]' ~ decimals ~ ')?|[.]' ~ decimals ~ '))$' -%}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "number_from_text reads smallint, int, integer, bigint, decimal(…), double, float and real, and not "
            ~ data_type ~ ": correct the type."
        ) }}
    {%- endif -%}
    try_cast(regexp_extract({{ context360.clean_text(column) }}, '{{ pattern }}', 1) as {{ data_type }})
{%- endmacro %}

{#- The digits after the separator that a type reads. Less than a billionth is the noise of binary floating point, as in
    12.350000000000001 and 12.349999999999999. -#}
{% macro _decimals(kind) -%}
    {%- set scale = (kind.split(',')[1] | replace(')', '') | trim | int) if ',' in kind else 0 -%}
    {%- set noise = '0{0,2}|(?:0{' ~ [9 - scale, 1] | max ~ '}|9{' ~ [9 - scale, 1] | max ~ '})[0-9]*' -%}
    {%- if not kind.startswith('decimal') or scale >= 6 -%}
    [0-9]+
    {%- elif scale == 0 -%}
    (?:{{ noise }})
    {%- else -%}
    (?:[0-9]{1,{{ scale }}}|[0-9]{{ '{' ~ scale ~ '}' }}(?:{{ noise }}))
    {%- endif -%}
{%- endmacro %}

{#- '1234.50' -> 1234.50, to six decimals. Without thousands separators: '1,234' means 1.234 to some. -#}
{% macro money_from_text(column) -%}
    {{ context360.number_from_text(column, 'decimal(18, 6)') }}
{%- endmacro %}


{#- '1.234,50' -> 1234.50. Points separate groups of three digits; a comma separates the decimals. -#}
{% macro decimal_from_comma_text(column, data_type='decimal(18, 6)') -%}
    {%- set decimals = context360._decimals(data_type | lower) -%}
    try_cast(replace(replace(
        regexp_extract(
            {{ context360.clean_text(column) }},
            '^([+-]?(?:(?:[1-9][0-9]?[0-9]?(?:[.][0-9]{3})+|[0-9]{1,38})(?:,{{ decimals }})?|,{{ decimals }}))$', 1
        ), '.', ''), ',', '.') as {{ data_type }})
{%- endmacro %}

{% macro money_from_comma_text(column) -%}
    {{ context360.decimal_from_comma_text(column) }}
{%- endmacro %}
