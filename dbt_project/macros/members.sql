{#- Members of a dimension that facts name by an identifier which all systems share, such as a campaign number. -#}

{#- The key of such a member: -2 (not applicable) where the fact names none, -1 (unknown) under `unknown_when`. -#}
{% macro member_key(member_id, unknown_when=none) -%}
    case
        {%- if unknown_when %}
        when {{ unknown_when }} then -1
        {%- endif %}
        when {{ member_id }} is null then -2
        else {{ context360.dimension_key([member_id]) }}
    end
{%- endmacro %}


{#- Every member of one kind that any stream names, with or without a description, and the unknown members. -#}
{% macro named_members(member_kind) -%}
    select
        {{ context360.dimension_key(['member_id']) }} as member_key,
        member_id
    from {{ ref('int_named_member') }}
    where member_kind = '{{ member_kind }}'

    union all

    select -1 as member_key, 'unknown' as member_id

    union all

    select -2 as member_key, 'not applicable' as member_id
{%- endmacro %}


{#- An attribute of a member: of several systems that describe it, the last by name. -#}
{% macro described_as(attribute) -%}
    max_by({{ attribute }}, case when {{ attribute }} is not null then source_system end)
{%- endmacro %}


{#- The order that a fact names by its number: of the system that the fact states, else of the only system that has the
    number, else of its own; none where several others have it. Two joins by keys: with `or`, an engine compares every
    fact with every order. -#}
{% macro join_order_number(fact, orders, stated_system=none) -%}
    {%- set only_system = orders ~ '_only.source_system' %}
    {%- set systems = ([stated_system] if stated_system else []) + [only_system, fact ~ '.source_system'] -%}
    left join (
        select order_id, source_system from {{ ref('int_order_number') }} where is_only_order
    ) as {{ orders }}_only on {{ fact }}.order_id = {{ orders }}_only.order_id
    left join {{ ref('int_order_number') }} as {{ orders }}
        on
            {{ fact }}.order_id = {{ orders }}.order_id
            and coalesce({{ systems | join(', ') }}) = {{ orders }}.source_system
{%- endmacro %}


{#- The interaction of an order that a fact names by its number; null where the number leads to no order. -#}
{% macro join_order(fact) -%}
    {{ context360.join_order_number(fact, 'orders') }}
{%- endmacro %}

{% macro order_interaction_key() -%}
    case
        when orders.order_id is not null then {{ context360.integer_key(['orders.source_system', 'orders.order_id']) }}
    end
{%- endmacro %}
