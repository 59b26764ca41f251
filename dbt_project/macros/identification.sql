{#- Kinds of identifiers that identify a device, not a person, as a list in SQL. -#}
{% macro anonymous_identifier_kinds() -%}
    ('{{ var("anonymous_identifier_kinds") | join("', '") }}')
{%- endmacro %}


{#- Hours before an identification on a device that it reaches back, beside its own session:
    'session' -> 0, '24 hours' -> 24, '30 days' -> 720 -#}
{% macro anonymous_backward_hours() -%}
    {%- set words = (var('anonymous_backward') | string).split() -%}
    {%- if words == ['session'] -%}
        {{ return(0) }}
    {%- elif words | length == 2 and words[1] in ('hours', 'days') and words[0].isdigit() -%}
        {{ return((words[0] | int) * (24 if words[1] == 'days' else 1)) }}
    {%- endif -%}
    {{ exceptions.raise_compiler_error(
        "The variable anonymous_backward is '" ~ var('anonymous_backward') ~ "': write session, 24 hours or 30 days, for example."
    ) }}
{%- endmacro %}
