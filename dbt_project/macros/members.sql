{#- Members of a dimension that facts name by an identifier which all systems share, such as a campaign number. -#}

{#- The key of such a member: -2 (not applicable) where the fact names none, -1 (unknown) under `unknown_when`. -#}
{% macro member_key(member_id, unknown_when=none) -%}
    case
        {%- if unknown_when %}
        when {{ unknown_when }} then -1
        {%- endif %}
        when {{ member_id }} is null then -2
        else {{ context360.integer_key([member_id]) }}
    end
{%- endmacro %}


{#- Every member of one kind that any stream names, with or without a description, and the unknown members. -#}
{% macro named_members(member_kind) -%}
    select
        {{ context360.integer_key(['member_id']) }} as member_key,
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


{#- The interaction of an order that a fact names by its number; null where no system has the order. -#}
{% macro join_order(fact) -%}
    left join (
        select order_id, {{ context360.integer_key(['min(source_system)', 'order_id']) }} as interaction_key
        from {{ ref('int_order_line') }}
        group by order_id
    ) as orders on {{ fact }}.order_id = orders.order_id
{%- endmacro %}
