{#-
    Staging folders are adapters: the folder models/staging/<adapter>/ interprets the source system that the catalog
    connects to it. A folder that no system uses is switched off and leaves no trace.
-#}
{% macro adapter_is_on() %}
    {{ return(model['fqn'][-2] in var('adapters', {})) }}
{% endmacro %}
