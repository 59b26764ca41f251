{#- No row profiles a customer who may not be profiled: each column of the profile is null there. rows: a condition for tables
    whose rows are the profile, such as needs of interest. to: dim_customer_profiling. -#}
{% test no_profile_against_objection(model, to, columns=[], rows=none) %}
select profiles.customer_key
from {{ model }} as profiles
inner join {{ to }} as gate on profiles.customer_key = gate.customer_key
where
    gate.no_profile_reason is not null
    and (
        {%- for column in columns %}
        profiles.{{ column }} is not null{{ ' or' if not loop.last or rows }}
        {%- endfor %}
        {{ rows or '' }}
    )
{% endtest %}
