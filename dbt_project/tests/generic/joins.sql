{#- Every row joins: the key is never empty, and a row of the other table has it. One test where `not_null` and
    `relationships` would be two; they are run for every key of every fact. -#}
{% test joins(model, column_name, to, field) %}
select facts.{{ column_name }}
from {{ model }} as facts
left join {{ to }} as others on facts.{{ column_name }} = others.{{ field }}
where others.{{ field }} is null
{% endtest %}
