{#-
    A run of a past moment publishes what was known then. Its moment is the variable `known_until`, which no other run has:
    their SQL holds none of what follows. Rows are cut where they become canonical, and nowhere else: union_of_contributions
    leaves out what is later, and hides what happened later to the rows that stay. Before it, judged_rows chooses the version
    of a row that was known then, and leaves out later rows of streams whose contributions count or aggregate (`moment`).

    `meta.canonical` of the union says from when a row is known:

    moment      columns; the first that is filled counts. A row without a moment has always been known, or is known from
                when the row is that it belongs to: see followed
    no_moment   why the stream has no moment
    later       columns with the moments of what may happen to the row afterwards; see known_column
-#}
{% macro known_until() -%}
    {{ return(var('known_until', none)) }}
{%- endmacro %}


{#- The same moment as SQL. -#}
{% macro known_until_moment() -%}
    cast('{{ var("known_until", "1970-01-01 00:00:00") }}' as timestamp)
{%- endmacro %}


{#- Whether a date or timestamp is later than the moment of the run; false without one. -#}
{% macro is_later(expression) -%}
    coalesce(cast({{ expression }} as timestamp) > {{ context360.known_until_moment() }}, false)
{%- endmacro %}


{#- From when a row of a canonical stream is known: null where its stream or the row has no moment. -#}
{% macro known_from(about, columns) -%}
    {%- set moments = [] -%}
    {%- for column in about.get('moment', []) if column in columns -%}
        {%- do moments.append('cast(' ~ column ~ ' as timestamp)') -%}
    {%- endfor -%}
    {{ return('coalesce(' ~ (moments + ['null']) | join(', ') ~ ')' if moments else 'cast(null as timestamp)') }}
{%- endmacro %}


{#- The stream to whose rows those of another belong, and the column that names them; none for streams of their own. -#}
{% macro followed(canonical_stream) -%}
    {{ return({
        'coupon': {'stream': 'campaign', 'column': 'campaign_id'},
        'identifier': {'stream': 'source_record', 'column': 'source_record_id', 'within_system': true},
        'offer_made': {'stream': 'campaign', 'column': 'campaign_id'},
        'offer_product': {'stream': 'offer', 'column': 'offer_id'},
    }.get(canonical_stream)) }}
{%- endmacro %}


{#- The union of a canonical stream, found in the graph by the stream's name. -#}
{% macro union_node(canonical_stream) -%}
    {%- for candidate in (graph.nodes.values() if execute else []) if candidate.resource_type == 'model' -%}
        {%- if ((candidate.config.meta or {}).get('canonical') or {}).get('stream') == canonical_stream -%}
            {{ return(candidate) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}


{#- The CTEs `later_parent` (keys of the followed stream that are later, and known by nothing earlier) and `known` (the
    rows of `judged` with is_later). -#}
{% macro judged_by_moment(node) -%}
    {%- set about = node.config.meta.canonical -%}
    {%- set follows = context360.followed(about.stream) -%}
    {%- set names = node['columns'].values() | map(attribute='name') | list -%}
    {%- if follows -%}
later_parent as (
    select
        {{ "source_system" if follows.get('within_system') else "'any'" }} as parent_system,
        parent_key
    from (
        {%- set parent = context360.union_node(follows.stream).config.meta.canonical -%}
        {%- for contribution in var('canonical', {}).get(follows.stream, []) %}
        {%- set relation = context360.staging_relation(contribution.model) -%}
        {%- set delivered = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list %}
        select
            '{{ contribution.system }}' as source_system,
            cast({{ parent.key[0] }} as {{ dbt.type_string() }}) as parent_key,
            {{ context360.is_later(context360.known_from(parent, delivered)) }} as is_later
        from {{ relation }}
        union all
        {%- endfor %}
        select
            cast(null as {{ dbt.type_string() }}) as source_system,
            cast(null as {{ dbt.type_string() }}) as parent_key,
            false as is_later
        where 1 = 0
    ) as parents
    group by {{ "source_system, " if follows.get('within_system') }}parent_key
    having count(case when not is_later then 1 end) = 0
),

    {% endif -%}
known as (
    select
        judged.*,
        {{ context360.is_later(context360.known_from(about, names)) }}
        {%- if follows %}
        or ({{ context360.known_from(about, names) }} is null and later_parent.parent_key is not null)
        {%- endif %} as is_later
    from judged
    {%- if follows %}
    left join later_parent
        on
            judged.{{ follows.column }} = later_parent.parent_key
            and later_parent.parent_system = {{ "judged.source_system" if follows.get('within_system') else "'any'" }}
    {%- endif %}
)
{%- endmacro %}


{#- A column of a canonical stream as it was known then. What a state, a number or a last moment was before it last changed,
    the source does not say: the milestones say it for a state, and a last moment can be no later than the run's. -#}
{% macro known_column(about, name, expression) -%}
    {%- set then = context360.known_until_moment() -%}
    {%- set special = {
        ('appointment', 'status'): "case when " ~ context360.is_later('changed_at') ~ " then 'planned' else status end",
        ('cart_line', 'state'): "case when " ~ context360.is_later('state_since') ~ " then 'open' else state end",
        ('cart_line', 'state_since'):
            "case when " ~ context360.is_later('state_since') ~ " then added_at else state_since end",
        ('device', 'last_seen_at'): "least(last_seen_at, " ~ then ~ ")",
        ('identifier_pair', 'last_seen_at'): "least(last_seen_at, " ~ then ~ ")",
        ('offer_made', 'coupon_code'): "case when not " ~ context360.is_later('redeemed_at') ~ " then coupon_code end",
        ('complaint', 'resolved_at'):
            "case when not " ~ context360.is_later('resolved_at') ~ " then resolved_at "
            ~ "when " ~ context360.is_later('coalesce(reopened_at, resolved_at)') ~ " and first_resolved_at <= " ~ then
            ~ " then first_resolved_at end",
        ('complaint', 'reopened_count'):
            "case when " ~ context360.is_later('reopened_at') ~ " then greatest(reopened_count - 1, 0) "
            ~ "else reopened_count end",
        ('complaint', 'state'):
            "case when not " ~ context360.is_later('changed_at') ~ " then state "
            ~ "when closed_at <= " ~ then ~ " then 'closed' "
            ~ "when resolved_at <= " ~ then ~ " then 'resolved' "
            ~ "when reopened_at <= " ~ then ~ " then 'reopened' "
            ~ "when first_resolved_at <= " ~ then ~ " then 'resolved' "
            ~ "when first_answered_at <= " ~ then ~ " then 'answered' else 'opened' end",
    } -%}
    {%- if (about.stream, name) in special -%}
        {{ return(special[(about.stream, name)]) }}
    {%- elif name in about.get('later', []) -%}
        {{ return('case when not ' ~ context360.is_later(name) ~ ' then ' ~ expression ~ ' end') }}
    {%- endif -%}
    {{ return(expression) }}
{%- endmacro %}


{#- How many good rows each system contributes to a canonical stream that are later than the run's moment. -#}
{% macro later_rows(canonical_stream) -%}
    {%- set node = context360.union_node(canonical_stream) -%}
    {%- set judged = context360.judged_contributions(canonical_stream, node) -%}
    {%- if execute %}
with {{ judged }},

{{ context360.judged_by_moment(node) }}

select
    source_system,
    count(*) as row_count
from known
where quarantine_rule is null and is_later
group by source_system
    {%- endif -%}
{%- endmacro %}
