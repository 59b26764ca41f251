{#- Journey steps in the order of the settings journey_steps, for models with one column per step. Channels are the variable
    `channels`. tests/dbt/test_compiled_models.py compares both with the settings. -#}
{% macro journey_step_names() -%}
    {{ return(['orientation', 'consideration', 'purchase', 'use', 'service']) }}
{%- endmacro %}


{% macro channel_names() -%}
    {{ return(var('channels')) }}
{%- endmacro %}


{#- Stages above the first one, lowest first, as the settings relationship_stages have them. -#}
{% macro earned_stages() -%}
    {{ return(['communicate', 'trust', 'commit']) }}
{%- endmacro %}
