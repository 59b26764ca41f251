{#- The rows of a neutral seed, and over them the rows of the firm's seed own_<seed>.csv, by key, a column or a list of
    columns: a row with a new key is added, one with a known key replaces the neutral row. Columns that the firm's file leaves out are null. -#}
{% macro with_own_rows(seed, key) %}
    {%- set neutral = ref('neutral_' ~ seed) -%}
    {%- set keys = [key] if key is string else key -%}
    {%- if seed not in var('own_seeds', []) %}
select * from {{ neutral }}
    {%- else -%}
        {%- set own = ref(project_name, 'own_' ~ seed) -%}
        {%- if execute -%}
            {%- set columns = adapter.get_columns_in_relation(neutral) -%}
            {%- set written = adapter.get_columns_in_relation(own) | map(attribute='name') | list -%}
            {%- set unknown = written | reject('in', columns | map(attribute='name') | list) | list -%}
            {%- set missing = keys | reject('in', written) | list -%}
            {%- if unknown or missing -%}
                {{ exceptions.raise_compiler_error(
                    "seeds/own_" ~ seed ~ ".csv: " ~ ("there is no column " ~ unknown | join(', ') if unknown
                    else "the key column " ~ missing | join(', ') ~ " is missing") ~ "; the columns are "
                    ~ columns | map(attribute='name') | join(', ') ~ "."
                ) }}
            {%- endif %}
select * from {{ neutral }} as neutral
where not exists (
    select 1 from {{ own }} as own
    where {% for column in keys %}own.{{ column }} = neutral.{{ column }}{{ " and " if not loop.last }}{% endfor %}

)

union all

select
            {%- for column in columns %}
    {% if column.name in written %}cast({{ column.name }} as {{ column.dtype }}){% else %}cast(null as {{ column.dtype }}){% endif %} as {{ column.name }}{{ "," if not loop.last }}
            {%- endfor %}
from {{ own }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
