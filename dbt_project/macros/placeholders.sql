{#- Identifiers that stand for "no value", such as null, 0000000 and an all-zero device id: they name no one, and are null
    from the canonical streams on. The patterns come from orchestration/firm/placeholders.yml and a firm's identity_rules.yml. -#}

{#- The column of a contribution, without placeholders where it holds an identifier. columns: all columns of the row. -#}
{% macro usable_column(column, columns) -%}
    {%- set kind = context360.identifier_kind_of_column(column, columns) -%}
    {{ context360.usable_identifier(column, kind) if kind else column }}
{%- endmacro %}


{#- The kind of the identifiers in a column, as an expression; none where it holds no identifier. -#}
{% macro identifier_kind_of_column(column, columns) -%}
    {%- set kinds = {
        'email': "'email'", 'phone': "'phone'", 'national_id': "'national_id'", 'loyalty_number': "'loyalty_number'",
        'device_id': "'device'", 'session_id': "'session'"
    } -%}
    {%- if column in ['identifier_value', 'other_identifier_value'] -%}
        {%- set kind = column | replace('value', 'kind') -%}
        {{ return(kind if kind in columns else none) }}
    {%- endif -%}
    {{ return(kinds.get(column)) }}
{%- endmacro %}


{#- An identifier, or null if it is a placeholder. kind: an expression, such as identifier_kind or 'email' in quotes. -#}
{% macro usable_identifier(value, kind) -%}
    {%- if var('placeholder_identifiers', {}) -%}
    case when not {{ context360.is_placeholder_identifier(value, kind) }} then {{ value }} end
    {%- else -%}
    {{ value }}
    {%- endif -%}
{%- endmacro %}


{#- True for a placeholder; false for every other value and for null. -#}
{% macro is_placeholder_identifier(value, kind) -%}
    {%- set patterns = var('placeholder_identifiers', {}) -%}
    coalesce({{ context360._matches_kind(value, kind, patterns, 'placeholder') }} and not {{ context360._matches_kind(value, kind, patterns, 'real') }}, false)
{%- endmacro %}


{% macro _matches_kind(value, kind, patterns, verdict) -%}
    {%- set cases = [] -%}
    {%- for name, found in patterns.items() if verdict in found -%}
        {%- if name == 'any' or kind == "'" ~ name ~ "'" -%}
            {%- do cases.append(context360.matches_in_full(context360.comparable_identifier(value), found[verdict])) -%}
        {%- elif not kind.startswith("'") -%}
            {%- do cases.append(
                '(' ~ kind ~ " = '" ~ name ~ "' and "
                ~ context360.matches_in_full(context360.comparable_identifier(value), found[verdict]) ~ ')'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    ({{ cases | join(' or ') or 'false' }})
{%- endmacro %}


{#- Small letters, digits and @, and a minus in front: 'N/A' -> 'na', '-1' -> '-1' -#}
{% macro comparable_identifier(value) -%}
    {{ adapter.dispatch('comparable_identifier', 'context360')(value) }}
{%- endmacro %}

{% macro duckdb__comparable_identifier(value) -%}
    concat(case when left(trim({{ value }}), 1) = '-' then '-' else '' end, regexp_replace(lower({{ value }}), '[^\p{L}\p{N}@]+', '', 'g'))
{%- endmacro %}

{% macro spark__comparable_identifier(value) -%}
    concat(case when left(trim({{ value }}), 1) = '-' then '-' else '' end, regexp_replace(lower({{ value }}), '[^\\p{L}\\p{N}@]+', ''))
{%- endmacro %}


{#- Whether a text matches a regular expression as a whole. -#}
{% macro matches_in_full(text, pattern) -%}
    {{ adapter.dispatch('matches_in_full', 'context360')(text, pattern) }}
{%- endmacro %}

{% macro duckdb__matches_in_full(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches_in_full(text, pattern) -%}
    {{ text }} rlike '^({{ pattern }})$'
{%- endmacro %}
