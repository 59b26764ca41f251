{#- Half-open periods [valid_from, valid_to) of the same thing: none ends before it begins or overlaps the next, and with
    without_gaps each begins where the one before it ends, and the last one is open. -#}
{% test periods_follow_each_other(model, columns, without_gaps=false) %}
with periods as (
    select
        {{ columns | join(', ') }},
        valid_from,
        valid_to,
        lead(valid_from) over (partition by {{ columns | join(', ') }} order by valid_from, valid_to) as next_from
    from {{ model }}
)

select *
from periods
where
    valid_to < valid_from
    or valid_to > next_from
    or (valid_to is null and next_from is not null)
    {%- if without_gaps %}
    or valid_to < next_from
    or (valid_to is not null and next_from is null)
    or valid_to = valid_from
    {%- endif %}
{% endtest %}
