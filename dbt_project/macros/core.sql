{#- The value of the most trusted record (highest `precedence`) that has one; with `where`, of the most trusted record
    for which it holds, null if that one has none: a name and an address come as a whole. -#}
{% macro best_known(attribute, where=none, precedence='precedence') -%}
    {%- set order = 'case when ' ~ (where or attribute ~ ' is not null') ~ ' then ' ~ precedence ~ ' end' -%}
    {{ context360.value_at_most(attribute, order) }}
{%- endmacro %}


{#- The value of the row with the highest order, also if it is null; rows without an order do not count. DuckDB's max_by
    skips rows with a null value. -#}
{% macro value_at_most(value, order) -%}
    {{ adapter.dispatch('value_at_most', 'context360')(value, order) }}
{%- endmacro %}

{% macro duckdb__value_at_most(value, order) -%}
    arg_max_null({{ value }}, {{ order }})
{%- endmacro %}

{% macro spark__value_at_most(value, order) -%}
    max_by({{ value }}, {{ order }})
{%- endmacro %}


{% macro sorted_list_of(column) -%}
    {{ adapter.dispatch('sorted_list_of', 'context360')(column) }}
{%- endmacro %}

{% macro duckdb__sorted_list_of(column) -%}
    string_agg(distinct {{ column }}, ', ' order by {{ column }})
{%- endmacro %}

{% macro spark__sorted_list_of(column) -%}
    array_join(sort_array(collect_set({{ column }})), ', ')
{%- endmacro %}


{% macro readable_name(given_name, family_name) -%}
    coalesce({{ given_name }} || ' ' || {{ family_name }}, {{ family_name }}, {{ given_name }})
{%- endmacro %}


{#- The customer of the identifier of a fact, or -1 where it matches none or several. -#}
{% macro customer_key_or_unknown() -%}
    coalesce(customers.customer_key, -1)
{%- endmacro %}

{% macro join_customer(fact) -%}
    left join {{ ref('int_identified_customer') }} as customers
        on
            {{ fact }}.identifier_kind = customers.identifier_kind
            and {{ fact }}.identifier_value = customers.identifier_value
{%- endmacro %}


{#- The key of the day in dim_date, or -1 for a day that the calendar does not hold. -#}
{% macro date_key(moment) -%}
    case
        when
            {{ moment }} >= cast('{{ var("calendar").first_day }}' as date)
            and {{ moment }} < cast('{{ var("calendar").end_before }}' as date)
            then cast(
                extract(year from {{ moment }}) * 10000
                + extract(month from {{ moment }}) * 100
                + extract(day from {{ moment }}) as int
            )
        else -1
    end
{%- endmacro %}


{#- 1 (lowest) to 5 (highest) fifth of the rows by a column; rows with equal values are in the same one. -#}
{% macro quintile(column) -%}
    least(5, 1 + cast(floor(5 * percent_rank() over (partition by {{ column }} is null order by {{ column }})) as int))
{%- endmacro %}


{#- Whether a complaint (its alias) was open at a moment, as one could know then. -#}
{% macro is_open_at(complaint, moment) -%}
    {{ complaint }}.opened_at < {{ moment }} and (
        {{ complaint }}.first_resolved_at is null
        or {{ complaint }}.first_resolved_at >= {{ moment }}
        or (
            {{ complaint }}.reopened_at < {{ moment }}
            and ({{ complaint }}.resolved_at is null or {{ complaint }}.resolved_at >= {{ moment }})
        )
    )
{%- endmacro %}


{#- A number that is equal for rows with equal values in these columns; null counts as a value. -#}
{% macro content_key(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append("coalesce(cast(" ~ column ~ " as " ~ dbt.type_string() ~ "), '')") -%}
    {%- endfor -%}
    {{ integer_key(parts) }}
{%- endmacro %}


{#- The key of a text in a language, by which its sentiment is kept and joined. -#}
{% macro text_key(text, language) -%}
    {{ integer_key(["coalesce(" ~ language ~ ", '')", text]) }}
{%- endmacro %}
