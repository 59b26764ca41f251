{#- The gate before profiles: what the firm derives about a person from their behaviour (scores, forecasts, segments,
    affinities, habits, sentiment, influence, needs and proposals of interest). dim_customer_profiling says of each customer
    why there is none; the columns of a profile are then null, and the row stays with the reason. -#}


{#- The join that the other macros need. customer_key: of the rows. -#}
{% macro join_profiling_gate(customer_key, gate='gate') -%}
    left join {{ ref('dim_customer_profiling') }} as {{ gate }} on {{ customer_key }} = {{ gate }}.customer_key
{%- endmacro %}


{#- Why the customer has no profile; null where they may be profiled. A firm that profiles by consent
    does not profile customers that the gate does not know. -#}
{% macro no_profile_reason(gate='gate') -%}
    {%- if profiling_basis() == 'consent' -%}
    case
        when {{ gate }}.customer_key is null then {{ no_consent_to_profiling() }} else {{ gate }}.no_profile_reason
    end
    {%- else -%}
    {{ gate }}.no_profile_reason
    {%- endif -%}
{%- endmacro %}


{#- Whether the customer may be profiled: for conditions. -#}
{% macro may_be_profiled(gate='gate') -%}
    ({{ context360.no_profile_reason(gate) }}) is null
{%- endmacro %}


{#- A column of a profile: null for customers who may not be profiled. -#}
{% macro profiled(expression, gate='gate') -%}
    case when {{ context360.may_be_profiled(gate) }} then {{ expression }} end
{%- endmacro %}


{#- On which basis the firm profiles. -#}
{% macro profiling_basis() -%}
    {%- set basis = var('profiling_basis') -%}
    {%- if basis not in ['consent', 'legitimate interest'] -%}
        {{ exceptions.raise_compiler_error(
            "The variable profiling_basis is '" ~ basis ~ "': write consent or legitimate interest under vars in dbt_project.yml."
        ) }}
    {%- endif -%}
    {{ return(basis) }}
{%- endmacro %}


{% macro no_consent_to_profiling() -%}
    cast('no consent to profiling' as {{ dbt.type_string() }})
{%- endmacro %}
