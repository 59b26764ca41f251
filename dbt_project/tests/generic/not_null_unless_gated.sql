{#- The column is filled, except where the row says why the customer has no profile. -#}
{% test not_null_unless_gated(model, column_name) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} is null and no_profile_reason is null
{% endtest %}
