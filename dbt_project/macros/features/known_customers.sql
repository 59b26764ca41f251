{#- Customers and moments: which of them may be profiled, and who was known before each moment of `moments` (a relation with a column `moment`).
    sampled: only `training_customers` of them, always the same ones. everybody: also customers not known yet. -#}
{% macro known_customers(moments, sampled=false, everybody=false) -%}
    select customers.customer_key, customers.first_known_at, moments.moment
    from (
        select
            dim.customer_key,
            coalesce(dim.first_known_at, seen.first_seen_at) as first_known_at
            {%- if sampled %},
            row_number() over (order by {{ integer_key(["cast(dim.customer_key as " ~ dbt.type_string() ~ ")"]) }}) as place
            {%- endif %}
        from {{ ref('dim_customer') }} as dim
        left join (
            select customer_key, min(happened_at) as first_seen_at
            from {{ ref('fct_interaction') }}
            where customer_key > 0
            group by customer_key
        ) as seen on dim.customer_key = seen.customer_key
        {{ join_profiling_gate('dim.customer_key') }}
        where dim.customer_key > 0 and {{ may_be_profiled() }}
    ) as customers
    cross join {{ moments }} as moments
    where
        {{ "customers.customer_key > 0" if everybody else "customers.first_known_at < moments.moment" }}
        {%- if sampled %}
        and customers.place <= {{ var('prediction')['training_customers'] }}
        {%- endif %}
{%- endmacro %}


{#- Count of the rows within the last days before the moment. -#}
{% macro counted_within(condition, happened_at, days) -%}
    count(case when {{ condition }} and {{ happened_at }} >= {{ dbt.dateadd('day', -days, 'known.moment') }} then 1 end)
{%- endmacro %}
