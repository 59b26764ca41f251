{#-
    Which marts about customers the data of each source system reaches, read off the graph of the models: a list of
    {system, mart, subject, canonical_streams, readers}. It begins with what a system contributes to the canonical streams
    and ends in the marts; Python steps such as identity are not passed, for they hand on keys and no data; nor are
    models whose meta says the same: hands_on_no_data.
-#}
{% macro reached_marts() %}
    {%- set found = [] -%}
    {%- set children = {} -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and not (node.config.meta or {}).get('hands_on_no_data') -%}
        {%- for parent in node.depends_on.nodes -%}
            {%- do children.setdefault(parent, []).append(node.unique_id) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set streams_of = {} -%}
    {%- set marts_below = {} -%}
    {%- for canonical_stream, contributions in var('canonical', {}).items() -%}
        {%- for contribution in contributions -%}
            {%- for unique_id in _and_below('model.' ~ project_name ~ '.' ~ contribution.model, children) -%}
                {%- set node = graph.nodes[unique_id] -%}
                {%- if node.fqn[1] == 'marts' and node.fqn[2] != 'connectedness' -%}
                    {%- do marts_below.update({unique_id: marts_below.get(unique_id) or _and_below(unique_id, children)}) -%}
                    {%- do streams_of.setdefault((contribution.system, unique_id), []).append(canonical_stream) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for key, streams in streams_of.items() -%}
        {%- set node = graph.nodes[key[1]] -%}
        {%- set readers = [] -%}
        {#- BI tools see all marts, whichever of them their exposure names. -#}
        {%- for exposure in graph.exposures.values() if exposure.name != 'business_intelligence' -%}
            {%- for read in exposure.depends_on.nodes if read in marts_below[key[1]] -%}
                {%- do readers.append(exposure.label or exposure.name) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do found.append({
            'system': key[0],
            'mart': node.name,
            'subject': node.fqn[2],
            'canonical_streams': streams | unique | sort | join(', '),
            'readers': ((readers | unique | sort) + ['BI tools']) | join(', '),
        }) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}


{#- A node and everything below it. The list grows while it is read, so that each node is met once. -#}
{% macro _and_below(unique_id, children) %}
    {%- set found = [unique_id] -%}
    {%- for node in found -%}
        {%- for child in children.get(node, []) if child not in found -%}
            {%- do found.append(child) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}
