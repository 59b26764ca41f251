{#-
    Staging folders are adapters: the folder models/staging/<adapter>/ interprets the source system that the catalog
    connects to it. A folder that no system uses is switched off and leaves no trace.
-#}
{% macro adapter_is_on() %}
    {{ return(model['fqn'][-2] in var('adapters', {})) }}
{% endmacro %}


{#- What a contribution is called: models/staging/<adapter>/<adapter>__<canonical stream>.sql. The union of all of them
    has the columns that the calling model documents; what a system does not know is null. -#}
{% macro union_of_contributions(canonical_stream) %}
    {%- set contributions = var('canonical', {}).get(canonical_stream, []) -%}
    {%- set found = [] -%}
    {%- for contribution in contributions -%}
        {%- do found.append({
            'relation': ref(project_name, contribution.model),
            'system': contribution.system,
        }) -%}
    {%- endfor -%}
    {%- if execute -%}
        {%- set documented = model['columns'].values() | list -%}
        {%- for contribution in found %}
            {%- set delivered = adapter.get_columns_in_relation(contribution.relation) | map(attribute='name') | map('lower') | list %}
            {%- set unknown = delivered | reject('in', documented | map(attribute='name') | list) | list %}
            {%- if unknown -%}
                {{ exceptions.raise_compiler_error(
                    contribution.relation.identifier ~ " delivers columns that " ~ model['name'] ~ " does not know: "
                    ~ unknown | join(', ') ~ ". Correct their names, or document the new columns there."
                ) }}
            {%- endif %}
    select
            {%- for column in documented %}
                {%- if column.name == 'source_system' %}
        '{{ contribution.system }}' as source_system
                {%- elif column.name in delivered %}
        cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }}
                {%- else %}
        cast(null as {{ column.data_type }}) as {{ column.name }}
                {%- endif -%}
                {{ "," if not loop.last }}
            {%- endfor %}
    from {{ contribution.relation }}
            {%- if not loop.last %}
    union all
            {%- endif %}
        {%- else %}
    select
            {%- for column in documented %}
        cast(null as {{ column.data_type }}) as {{ column.name }}{{ "," if not loop.last }}
            {%- endfor %}
    where 1 = 0
        {%- endfor %}
    {%- endif -%}
{% endmacro %}
