{#- What a contribution is called: models/staging/<adapter>/<adapter>__<canonical stream>.sql. The union of all of them
    has the columns that the calling model documents; what a system does not know is null. A row that breaks a row rule
    (row_rules.sql) is left out: int_quarantined_row holds it, with the reason. A placeholder instead of an identifier is
    null (placeholders.sql): the row stays, and no customer is known by it. identified_by: identifiers without which a row
    of the stream says nothing; a row with a placeholder there is left out, and quality.unusable_identifier counts it. A
    run of a past moment leaves out what is later (known_until.sql); int_contribution_ledger counts it. -#}
{% macro union_of_contributions(canonical_stream, identified_by=[]) %}
    {%- set judged = context360.judged_contributions(canonical_stream, model) -%}
    {%- if execute %}
    {%- set names = model['columns'].values() | map(attribute='name') | list -%}
    {%- set is_past = context360.known_until() %}
with {{ judged }}
        {%- if is_past -%}
,

{{ context360.judged_by_moment(model) }}
        {%- endif %}

select
        {%- for name in names %}
            {%- set usable = context360.usable_column(name, names) -%}
            {%- set usable = context360.known_column(model.config.meta.canonical, name, usable) if is_past else usable %}
    {{ usable ~ ' as ' ~ name if usable != name else name }}{{ "," if not loop.last }}
        {%- endfor %}
from {{ 'known' if is_past else 'judged' }}
where
    quarantine_rule is null
        {%- if is_past %}
    and not is_later
        {%- endif %}
        {%- for name in identified_by %}
    and {{ context360.usable_column(name, names) }} is not null
        {%- endfor %}
    {%- endif -%}
{% endmacro %}


{#- The CTEs `contributed` (the rows of all contributions) and `judged` (the same with quarantine_rule, and with
    quarantine_reason if asked for). node: the union of the stream, whose columns and meta say what the rules are. -#}
{% macro judged_contributions(canonical_stream, node, with_reason=false) %}
    {%- set contributions = [] -%}
    {%- for contribution in var('canonical', {}).get(canonical_stream, []) -%}
        {%- do contributions.append({
            'relation': ref(project_name, contribution.model),
            'system': contribution.system,
            'model': 'model.' ~ project_name ~ '.' ~ contribution.model,
        }) -%}
    {%- endfor -%}
    {#- Read only by a run of a past moment, and named here for the order of the models. -#}
    {%- for contribution in var('canonical', {}).get((context360.followed(canonical_stream) or {}).get('stream'), []) -%}
        {%- do ref(project_name, contribution.model) -%}
    {%- endfor -%}
    {%- set vocabularies = context360.vocabularies(canonical_stream) -%}
    {%- set limits = {'moments': ref('moment_limits'), 'amounts': ref('amount_limits')} -%}
    {%- if execute -%}
        {%- set columns = node['columns'].values() | list -%}
        {%- set names = columns | map(attribute='name') | list -%}
        {%- set vocabularies = vocabularies | selectattr('column', 'in', names) | list -%}
        {%- set rules = context360.row_rules(canonical_stream, node, vocabularies) -%}
        {%- set has_moments = 'timestamp' in columns | map(attribute='data_type') | list -%}
        {%- set has_amounts = 'currency' in names -%}
contributed as (
        {%- for contribution in contributions %}
    {{ context360._contributed_rows(contribution, node) }}
            {%- if not loop.last %}

    union all
            {%- endif %}
        {%- else %}
    select
            {%- for column in columns %}
        cast(null as {{ column.data_type }}) as {{ column.name }},
            {%- endfor %}
        {{ context360._no_origin() }},
        cast(null as {{ dbt.type_string() }}) as fed_by,
        cast(null as {{ dbt.type_string() }}) as unstorable_column
    where 1 = 0
        {%- endfor %}
),
        {%- if has_moments %}

limits as (
        {%- for contribution in contributions %}
    {{ context360._moment_limits_of(contribution, canonical_stream, limits.moments) }}
            {%- if not loop.last %}

    union all
            {%- endif %}
        {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as source_system,
        cast(null as timestamp) as earliest_at,
        cast(null as timestamp) as latest_at,
        cast(null as timestamp) as placeholder_at
    where 1 = 0
        {%- endfor %}
),
        {%- endif %}
        {%- if has_amounts %}

amount_limits as (
        {%- for contribution in contributions %}
    select
        '{{ contribution.system }}' as source_system,
        currency,
        max_by(most_amount, {{ context360._how_specific(contribution.system, canonical_stream) }}) as most_amount
    from {{ limits.amounts }}
    where stream in ('any', '{{ canonical_stream }}', '{{ contribution.system }}/{{ canonical_stream }}')
    group by currency
            {%- if not loop.last %}

    union all
            {%- endif %}
        {%- else %}
    select
        cast(null as {{ dbt.type_string() }}) as source_system,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as decimal(18, 6)) as most_amount
    where 1 = 0
        {%- endfor %}
),
        {%- endif %}

judged as (
    select
        contributed.*,
        {{ context360._first_broken(rules, 'name') }} as quarantine_rule
        {%- if with_reason %},
        {{ context360._first_broken(rules, 'reason') }} as quarantine_reason
        {%- endif %}
    from contributed
        {%- if has_moments %}
    left join limits on contributed.source_system = limits.source_system
        {%- endif %}
        {%- if has_amounts %}
    left join amount_limits as own_limit
        on contributed.source_system = own_limit.source_system and contributed.currency = own_limit.currency
    left join amount_limits as any_limit
        on contributed.source_system = any_limit.source_system and any_limit.currency = 'any'
        {%- endif %}
        {%- for vocabulary in vocabularies %}
    left join (select distinct {{ vocabulary.key }} from {{ vocabulary.relation }}) as known_{{ vocabulary.column }}
        on contributed.{{ vocabulary.column }} = known_{{ vocabulary.column }}.{{ vocabulary.key }}
        {%- endfor %}
)
    {%- endif -%}
{% endmacro %}


{% macro _first_broken(rules, part) -%}
    {%- if rules -%}
    case
        {%- for rule in rules %}
            when {{ rule.when }} then {{ "'" ~ rule.name ~ "'" if part == 'name' else rule.reason }}
        {%- endfor %}
        end
    {%- else -%}
    cast(null as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}


{#- One contribution with all columns of the stream, of their types. A value that does not fit its type is null, and
    `unstorable_column` names it. -#}
{% macro _contributed_rows(contribution, node) %}
    {%- set delivered = {} -%}
    {%- for column in adapter.get_columns_in_relation(contribution.relation) -%}
        {%- do delivered.update({column.name | lower: column.dtype | upper}) -%}
    {%- endfor -%}
    {%- set columns = node['columns'].values() | list -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set origin = ['_dlt_load_id', '_source_file', '_source_row', '_source_day'] -%}
    {%- set unknown = delivered.keys() | reject('in', names + origin) | list -%}
    {%- if unknown -%}
        {{ exceptions.raise_compiler_error(
            contribution.relation.identifier ~ " delivers columns that " ~ node['name'] ~ " does not know: "
            ~ unknown | join(', ') ~ ". Correct their names, or document the new columns there."
        ) }}
    {%- endif -%}
    {%- set stated = context360.default_currency(contribution.system, node.config.meta.canonical.stream) -%}
    {%- set doubtful = [] -%}
    select
    {%- for column in columns %}
        {%- if column.name == 'source_system' %}
        '{{ contribution.system }}' as source_system,
        {%- elif column.name == 'currency' and stated %}
        coalesce({{ "nullif(trim(currency), '')" if column.name in delivered else "null" }}, '{{ stated }}') as currency,
        {%- elif column.name in delivered %}
        {{ context360._stored_as(column.name, column.data_type, delivered[column.name], doubtful) }} as {{ column.name }},
        {%- else %}
        cast(null as {{ column.data_type }}) as {{ column.name }},
        {%- endif -%}
    {%- endfor %}
        {%- if '_source_file' in delivered and '_source_row' in delivered and '_dlt_load_id' in delivered %}
        _dlt_load_id,
        _source_file,
        cast(_source_row as bigint) as _source_row,
        {%- else %}
        {{ context360._no_origin() }},
        {%- endif %}
        '{{ context360.streams_behind(contribution.model) | map(attribute="stream") | join(", ") }}' as fed_by,
        {%- if doubtful %}
        case
            {%- for column in doubtful %}
            when {{ column.name }} is not null and {{ column.stored }} is null then '{{ column.name }}'
            {%- endfor %}
        end as unstorable_column
        {%- else %}
        cast(null as {{ dbt.type_string() }}) as unstorable_column
        {%- endif %}
    from {{ contribution.relation }}
{%- endmacro %}


{#- A column as the type of the stream. What may not fit is tried, and added to `doubtful`; decimals from the
    seventh on are rounded, as in the macros that read text: a contribution that divides has sixteen. -#}
{% macro _stored_as(name, data_type, delivered_type, doubtful) -%}
    {%- set same = {'string': ['VARCHAR', 'STRING', 'TEXT'], 'int': ['INTEGER', 'INT'], 'bigint': ['BIGINT', 'INTEGER', 'INT'],
        'double': ['DOUBLE'], 'boolean': ['BOOLEAN'], 'date': ['DATE'], 'timestamp': ['TIMESTAMP', 'DATE']} -%}
    {%- set written = delivered_type.replace(' ', '') -%}
    {%- if data_type == 'string' or written in same.get(data_type, []) or context360._fits_decimal(written, data_type) -%}
        cast({{ name }} as {{ data_type }})
    {%- else -%}
        {%- set stored = 'try_cast(' ~ name ~ ' as ' ~ data_type ~ ')' -%}
        {%- do doubtful.append({'name': name, 'stored': stored}) -%}
        {{ stored }}
    {%- endif -%}
{%- endmacro %}


{#- Whether every value of a delivered decimal or integer type fits a decimal type. -#}
{% macro _fits_decimal(delivered_type, data_type) -%}
    {%- if not data_type.startswith('decimal') -%}
        {{ return(false) }}
    {%- endif -%}
    {%- if delivered_type in ('INTEGER', 'INT', 'SMALLINT', 'TINYINT') -%}
        {{ return(true) }}
    {%- endif -%}
    {%- if not delivered_type.startswith('DECIMAL(') -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set given = delivered_type[8:-1].split(',') -%}
    {%- set wanted = data_type[8:-1].split(',') -%}
    {{ return(
        given[1] | int <= wanted[1] | int and given[0] | int - given[1] | int <= wanted[0] | int - wanted[1] | int
    ) }}
{%- endmacro %}


{% macro _no_origin() -%}
        cast(null as {{ dbt.type_string() }}) as _dlt_load_id,
        cast(null as {{ dbt.type_string() }}) as _source_file,
        cast(null as bigint) as _source_row
{%- endmacro %}


{#- The delivered streams behind a contribution: {adapter, system, stream, key, staged}, found through its models. -#}
{% macro streams_behind(unique_id) -%}
    {%- set found = [] -%}
    {%- set waiting = [unique_id] -%}
    {%- for node_id in waiting -%}
        {%- set node = graph.nodes.get(node_id) -%}
        {%- for parent in (node.depends_on.nodes if node else []) if parent not in waiting and parent.startswith('model.') -%}
            {%- for stream in var('streams', []) if parent.endswith('.stg_' ~ stream.adapter ~ '__' ~ stream.stream) -%}
                {%- do found.append(stream) -%}
            {%- else -%}
                {%- do waiting.append(parent) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{#- A model of the firm's staging by its name, without a dependency: the contribution that was read depends on it. -#}
{% macro staging_relation(name) -%}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
    {{ return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) }}
{%- endmacro %}


{#- What the firm states as the currency of amounts that come without one: `default_currencies` under `vars`, by system or
    by system/canonical stream. -#}
{% macro default_currency(system, canonical_stream) -%}
    {%- set stated = var('default_currencies', {}) -%}
    {{ return(stated.get(system ~ '/' ~ canonical_stream, stated.get(system))) }}
{%- endmacro %}


{#- The moments that rows of one contribution can have. -#}
{% macro _moment_limits_of(contribution, canonical_stream, moment_limits) -%}
    {%- set how_specific = context360._how_specific(contribution.system, canonical_stream) -%}
    {%- set streams = context360.streams_behind(contribution.model) -%}
    select
        '{{ contribution.system }}' as source_system,
        max_by(earliest_at, {{ how_specific }}) as earliest_at,
        {{ dbt.dateadd('day', 'max_by(most_days_ahead, ' ~ how_specific ~ ')', 'max(newest.landed_at)') }} as latest_at,
        max_by(placeholder_at, {{ how_specific }}) as placeholder_at
    from {{ moment_limits }}
    cross join (
        {%- for stream in streams %}
        select max({{ adapter.dispatch('timestamp_from_seconds', 'context360')('_dlt_load_id') }}) as landed_at
        from {{ context360.staging_relation('base_' ~ stream.adapter ~ '__' ~ stream.stream) }}
            {%- if not loop.last %}
        union all
            {%- endif %}
        {%- else %}
        select cast(null as timestamp) as landed_at
        {%- endfor %}
    ) as newest
    where stream in ('any', '{{ canonical_stream }}', '{{ contribution.system }}/{{ canonical_stream }}')
{%- endmacro %}


{% macro _how_specific(system, canonical_stream) -%}
    case stream when '{{ system }}/{{ canonical_stream }}' then 3 when '{{ canonical_stream }}' then 2 else 1 end
{%- endmacro %}
