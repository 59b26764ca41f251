{#- A moment as people read it, to the minute: 2025-11-03 14:05 UTC. Midnight is a day whose time the source does not say:
    2025-11-03. -#}
{% macro moment_text(moment) -%}
    case
        when {{ moment }} = {{ dbt.date_trunc('day', moment) }} then {{ day_text(moment) }}
        else substring(cast({{ moment }} as {{ dbt.type_string() }}), 1, 16) || ' UTC'
    end
{%- endmacro %}


{#- A number with its noun: 1 day, 2 days. -#}
{% macro counted_text(number, noun) -%}
    {{ whole_text(number) }} || case when round({{ number }}) = 1 then ' {{ noun }}' else ' {{ noun }}s' end
{%- endmacro %}


{#- A number as people read it, without decimals. -#}
{% macro whole_text(number) -%}
    cast(cast(round({{ number }}) as bigint) as {{ dbt.type_string() }})
{%- endmacro %}


{#- An amount as people read it, to the cent: the tables keep all decimals of the source. -#}
{% macro amount_text(amount) -%}
    cast(cast({{ amount }} as decimal(18, 2)) as {{ dbt.type_string() }})
{%- endmacro %}


{#- A name from the data as words: late_delivery -> late delivery. -#}
{% macro words(name) -%}
    replace({{ name }}, '_', ' ')
{%- endmacro %}


{#- Sessions, searches, positions and visits since this moment belong to the situation. -#}
{% macro situation_begins_at() -%}
    {{ dbt.dateadd('hour', -var('situation').contact_hours, as_of()) }}
{%- endmacro %}


{#- Whether a line (its alias) was in the cart at a moment, as one could know then: added within `cart_hours`, not taken out
    or ordered yet. An order of anything later leaves the rest behind. last_ordered_at: the customer's last order before
    the moment. -#}
{% macro is_in_cart_at(line, moment, last_ordered_at) -%}
    {{ line }}.added_at < {{ moment }}
    and {{ line }}.added_at >= {{ dbt.dateadd('hour', -var('situation').cart_hours, moment) }}
    and ({{ line }}.state in ('open', 'abandoned') or {{ line }}.state_since >= {{ moment }})
    and ({{ last_ordered_at }} is null or {{ last_ordered_at }} < {{ line }}.added_at)
{%- endmacro %}


{#- Rows of one sign of a need, in the columns that all signs have. at: when it was seen; counts_from: from when its window
    counts, where that is another moment. since, again (moments), what, place, detail (texts) and figure fill the
    placeholders of the evidence; figure is also what the threshold of the need is held against. -#}
{% macro need_signal(
    signal, relation, at, since=none, again=none, what=none, place=none, detail=none, figure=none, counts_from=none,
    where=none
) -%}
    {%- set text = dbt.type_string() -%}
select
    customer_key,
    '{{ signal }}' as signal,
    cast({{ at }} as timestamp) as seen_at,
    cast({{ counts_from or at }} as timestamp) as counts_from,
    cast({{ since or 'null' }} as timestamp) as since,
    cast({{ again or 'null' }} as timestamp) as again_at,
    cast({{ what or 'null' }} as {{ text }}) as what,
    cast({{ place or 'null' }} as {{ text }}) as place,
    cast({{ detail or 'null' }} as {{ text }}) as detail,
    cast({{ figure or 'null' }} as double) as figure
from {{ relation }}
    {%- if where %}
where {{ where }}
    {%- endif %}
{%- endmacro %}


{#- Rows of one action that something about the customer suggests, in the columns that all have. relation: has customer_key;
    where may also read the row of the action, as `rules`. what, detail (texts), figure and day (a moment) fill the
    placeholders of the evidence. -#}
{% macro action_candidate(action, relation, where, what=none, detail=none, figure=none, day=none) -%}
    {%- set text = dbt.type_string() -%}
select
    candidates.customer_key,
    rules.action,
    cast({{ what or 'null' }} as {{ text }}) as what,
    cast({{ detail or 'null' }} as {{ text }}) as detail,
    cast({{ figure or 'null' }} as double) as figure,
    {{ day_text(day or 'null') }} as seen_on
from {{ relation }} as candidates
inner join rules on rules.action = '{{ action }}'
where {{ where }}
{%- endmacro %}


{#- A sentence from templates (columns) that are joined by a space, or directly before a comma or semicolon. facts: placeholder -> text in
    SQL. A template is left out where the value of one of its placeholders is missing. -#}
{% macro sentence_of(templates, facts) -%}
    {%- set parts = [] -%}
    {%- for template in templates -%}
        {%- do parts.append("coalesce(' ' || " ~ filled_template(template, facts) ~ ", '')") -%}
    {%- endfor -%}
    trim(replace(replace({{ parts | join('\n    || ') }}, ' ,', ','), ' ;', ';'))
{%- endmacro %}


{% macro filled_template(template, facts) -%}
    {%- set filled = namespace(sql=template) -%}
    {%- set missing = [] -%}
    {%- for name, value in facts.items() -%}
        {%- set placeholder = '{' ~ name ~ '}' -%}
        {%- do missing.append("(" ~ template ~ " like '%" ~ placeholder ~ "%' and " ~ value ~ " is null)") -%}
        {%- set filled.sql = "replace(" ~ filled.sql ~ ", '" ~ placeholder ~ "', coalesce(" ~ value ~ ", ''))" -%}
    {%- endfor -%}
    case when not ({{ missing | join(' or ') }}) then {{ filled.sql }} end
{%- endmacro %}


{#- The day of a moment as people read it: 2025-11-03. -#}
{% macro day_text(moment) -%}
    cast(cast({{ moment }} as date) as {{ dbt.type_string() }})
{%- endmacro %}
