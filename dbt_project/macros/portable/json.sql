{# The text at a path of a column with JSON text, such as `context.page.url`; null where there is none, or no JSON. #}
{% macro text_from_json(column, path) -%}
    {{ adapter.dispatch('text_from_json', 'context360')(column, path) }}
{%- endmacro %}

{% macro duckdb__text_from_json(column, path) -%}
    case when json_valid({{ column }}) then json_extract_string({{ column }}, '$.{{ path }}') end
{%- endmacro %}

{% macro spark__text_from_json(column, path) -%}
    get_json_object({{ column }}, '$.{{ path }}')
{%- endmacro %}
