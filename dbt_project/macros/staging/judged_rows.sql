{#-
    The end of every base model: decides the fate of each landed row.

    relation  the CTE with the interpreted rows
    key       columns that name a row of the stream
    parsed    columns that were made from text; the CTE also holds raw_<column>. Text that could not be read is a fault
    required  columns that must have a value
    rules     further row rules: {name, when, reason}; `when` is true for the rows that break the rule
    version   columns that grow with every change at the source, such as updated_at: they say which version of a row is
              the newest, in whatever order the versions were delivered
    deleted   expression that is true where the source says that the row is deleted
    keep_superseded  keeps the valid older versions too, for history; they are counted as repeats all the same
    moment    column that says when the row came to be, for streams that contributions count or aggregate: a run of a past
              moment leaves out later rows (known_until.sql)

    Of the valid versions of a key the newest is staged: by `version`, then by the day in the file's name, then by
    arrival. A row that breaks a rule goes to quarantine, and the last valid version stays; it counts as a repeat as
    soon as a newer valid version arrives. What the catalog calls a snapshot (the full table) or a replacement (a file
    that stands for what it delivered before) deletes what it no longer holds, unless some of it could not be read.
    Every other row is a repeat; they are counted on the row that stands for the key.

    Rows of one key that differ, in one delivery and with nothing that orders them, are no repeats: which of them counts
    is unknown. All of them stay in the model, with the name of the key in conflicting_key, and hold the load (rules of
    staging). They differ if a landed column differs. `version` and the day in the file's name order them.

    A run of a past moment stages the version that was the newest then. Where every version is later, the first one counts:
    what is delivered at once, with the history before it, was known all along. A version is as old as its `version` says, or
    else its delivery.

    row_fate: staged, deleted (the newest version, gone at the source), quarantined, superseded where these are kept, and
    later than the past moment of the run; repeats are left out, unless they conflict.
-#}
{% macro judged_rows(
    relation, key, parsed=[], required=[], rules=[], version=[], deleted=none, keep_superseded=false, moment=none
) %}
    {%- set is_past = context360.known_until() -%}
    {%- set delivery = context360.stream_of_model().get('delivery', 'append') -%}
    {%- set faults = [] -%}
    {%- set quoted_key = [] -%}
    {%- for column in key -%}
        {%- do quoted_key.append(context360.quoted(column)) -%}
        {%- do faults.append({
            'name': column ~ '_is_missing', 'when': quoted_key[-1] ~ ' is null',
            'reason': 'the key ' ~ column ~ ' is empty'
        }) -%}
    {%- endfor -%}
    {%- for column in parsed -%}
        {%- do faults.append({
            'name': column ~ '_is_unreadable', 'when': 'raw_' ~ column ~ ' is not null and ' ~ context360.quoted(column) ~ ' is null',
            'reason': column ~ ' is not written in the form that the staging model reads'
        }) -%}
    {%- endfor -%}
    {%- for column in required -%}
        {%- do faults.append({
            'name': column ~ '_is_missing', 'when': context360.quoted(column) ~ ' is null', 'reason': column ~ ' is empty'
        }) -%}
    {%- endfor -%}
    {%- set faults = faults + rules -%}
    {%- set key_names = key | join(', ') -%}
    {%- set key = quoted_key -%}
    {%- set quoted_version = [] -%}
    {%- for column in version -%}
        {%- do quoted_version.append(context360.quoted(column)) -%}
    {%- endfor -%}
    {%- set version = quoted_version -%}
    {%- set scaffolding = ['row_identity', 'is_current', '_row_digest'] -%}
    {%- set ranks = [
        'newest_load_id', 'order_rank', 'newest_valid_rank', 'newest_faulty_rank', 'newest_valid_load_id', 'has_current',
        'first_digest', 'last_digest'
    ] -%}
    {%- if delivery != 'append' -%}
        {%- do scaffolding.append('delivery_scope') -%}
        {%- do scaffolding.append('delivery_version') -%}
    {%- endif -%}
    {%- for column in parsed -%}
        {%- do scaffolding.append('raw_' ~ column) -%}
    {%- endfor -%}
    {%- if is_past -%}
        {%- set scaffolding = scaffolding + ['version_known_from', 'is_later_version', 'is_later'] -%}
    {%- endif -%}

    , judged as (
        select
            *,
            {%- if is_past %}
            {{ context360._version_known_from(version) }} as version_known_from,
            {{ context360.is_later(context360._version_known_from(version)) }} as is_later_version,
            {{ context360.is_later(context360.quoted(moment)) if moment else 'false' }} as is_later,
            {%- endif %}
            {%- if delivery != 'append' %}
            {{ context360._delivery_scope(delivery) }} as delivery_scope,
            {{ context360._delivery_version(delivery) }} as delivery_version,
            {%- endif %}
            -- A row without a key is known by its place only.
            case when {{ key | join(' is null or ') }} is null
                then _source_file || '|' || cast(_source_row as {{ dbt.type_string() }})
            end as row_identity,
            case
                {%- for fault in faults %}
                when {{ fault.when }} then '{{ fault.name }}'
                {%- endfor %}
            end as quarantine_rule,
            case
                {%- for fault in faults %}
                when {{ fault.when }} then '{{ fault.reason }}'
                {%- endfor %}
            end as quarantine_reason
        from {{ relation }}
    ),
    {%- if delivery == 'append' %}

    placed as (
        select
            *,
            1 as is_current
        from judged
    ),
    {%- else %}

    newest_delivery as (
        select
            delivery_scope as scope,
            {%- if is_past %}
            coalesce(
                max(case when not {{ context360.is_later(context360.delivered_at()) }} then delivery_version end),
                min(delivery_version)
            ) as version
            {%- else %}
            max(delivery_version) as version
            {%- endif %}
        from judged
        group by delivery_scope
    ),

    -- Where a row could not be read, which rows are gone is unknown.
    unreadable_delivery as (
        select distinct
            {{ context360._delivery_scope(delivery) }} as scope,
            {{ context360._delivery_version(delivery) }} as version
        from {{ context360.landed_rejects(model['fqn'][-2], context360.stream_of_model().stream) }}

        union

        select distinct
            delivery_scope as scope,
            delivery_version as version
        from judged
        where row_identity is not null
    ),

    placed as (
        select
            judged.*,
            case
                when judged.delivery_version = newest_delivery.version or unreadable_delivery.scope is not null then 1
                else 0
            end as is_current
        from judged
        inner join newest_delivery on judged.delivery_scope = newest_delivery.scope
        left join unreadable_delivery
            on newest_delivery.scope = unreadable_delivery.scope and newest_delivery.version = unreadable_delivery.version
    ),
    {%- endif %}

    -- Nearly every key has one row, whose fate is its own: only the others are ordered and compared.
    repeated_key as (
        select {{ (key + ['row_identity']) | join(', ') }}
        from placed
        group by {{ (key + ['row_identity']) | join(', ') }}
        having count(*) > 1
    ),

    -- A file that was delivered again corrects what it delivered before.
    newest_file_load as (
        select
            _source_file as source_file,
            max(_dlt_load_id) as newest_load_id
        from placed
        group by _source_file
    ),

    ordered as (
        select
            placed.*,
            newest_file_load.newest_load_id,
            row_number() over (
                partition by {{ key | join(', ') }}, row_identity
                order by
                    is_current desc,
                    {%- if is_past %}
                    is_later asc,
                    is_later_version asc,
                    case when is_later_version then version_known_from end asc nulls first,
                    {%- endif %}
                    {%- for column in version %}
                    {{ column }} desc nulls last,
                    {%- endfor %}
                    _source_day desc nulls last,
                    _dlt_load_id desc,
                    _source_file desc,
                    _source_row desc
            ) as order_rank
        from placed
        inner join newest_file_load on placed._source_file is not distinct from newest_file_load.source_file
        where exists ({{ context360._same_key(key) }})
    ),

    ranked as (
        select
            *,
            min(case when quarantine_rule is null{{ " and not is_later" if is_past }} then order_rank end) over (
                partition by {{ key | join(', ') }}, row_identity
            ) as newest_valid_rank,
            min(case when quarantine_rule is not null{{ " and not is_later" if is_past }} then order_rank end) over (
                partition by {{ key | join(', ') }}, row_identity
            ) as newest_faulty_rank,
            max(case when quarantine_rule is null then _dlt_load_id end) over (
                partition by {{ key | join(', ') }}, row_identity
            ) as newest_valid_load_id,
            max(is_current) over (partition by {{ key | join(', ') }}, row_identity) as has_current,
            min(_row_digest) over ({{ context360._unordered_rows(key, version) }}) as first_digest,
            max(_row_digest) over ({{ context360._unordered_rows(key, version) }}) as last_digest
        from ordered
    ),

    decided as (
        select
            *,
            case
                {%- if is_past %}
                when is_later then 'later'
                when is_later_version and newest_valid_rank < order_rank and quarantine_rule is not null then 'repeat'
                {%- endif %}
                when order_rank = coalesce(newest_valid_rank, newest_faulty_rank) and has_current = 0 then 'deleted'
                {%- if deleted %}
                when order_rank = newest_valid_rank and coalesce({{ deleted }}, false) then 'deleted'
                {%- endif %}
                when order_rank = newest_valid_rank then 'staged'
                {%- if keep_superseded %}
                when quarantine_rule is null then 'superseded'
                {%- endif %}
                when quarantine_rule is null or is_current = 0 then 'repeat'
                when
                    newest_valid_rank < order_rank
                    {%- if version %}
                    -- A row whose version cannot be read has its place by arrival.
                    and ({{ version | join(' is not null and ') }} is not null or newest_valid_load_id >= _dlt_load_id)
                    {%- endif %}
                    then 'repeat'
                when newest_faulty_rank < order_rank then 'repeat'
                else 'quarantined'
            end as row_fate,
            case
                when first_digest <> last_digest and is_current = 1 and _dlt_load_id = newest_load_id
                    then '{{ key_names }}'
            end as conflicting_key
        from ranked
    ),

    counted as (
        select
            *,
            case
                when order_rank = coalesce(newest_valid_rank, newest_faulty_rank)
                    then sum(case when row_fate in ('repeat', 'superseded') then 1 else 0 end) over (
                        partition by {{ key | join(', ') }}, row_identity
                    )
                else 0
            end as repeat_count
        from decided
    ),

    alone as (
        select
            *,
            case
                {%- if is_past %}
                when is_later then 'later'
                {%- endif %}
                when is_current = 0 then 'deleted'
                when quarantine_rule is not null then 'quarantined'
                {%- if deleted %}
                when coalesce({{ deleted }}, false) then 'deleted'
                {%- endif %}
                else 'staged'
            end as row_fate,
            cast(null as {{ dbt.type_string() }}) as conflicting_key,
            0 as repeat_count
        from placed
        where not exists ({{ context360._same_key(key) }})
    )

    select {{ context360.all_columns_except(scaffolding) }}
    from alone

    union all

    select {{ context360.all_columns_except(scaffolding + ranks) }}
    from counted
    where row_fate <> 'repeat' or conflicting_key is not null
{% endmacro %}


{#- Subquery: the repeated key of a row of `placed`. -#}
{% macro _same_key(key) -%}
select 1
            from repeated_key
            where
                {% for column in key + ['row_identity'] -%}
                repeated_key.{{ column }} is not distinct from placed.{{ column }}
                {{- "\n                and " if not loop.last }}
                {%- endfor %}
{%- endmacro %}


{#- From when a version of a row is known: the latest moment among its `version` columns, or else its delivery. -#}
{% macro _version_known_from(version) -%}
    {%- set text = dbt.type_string() -%}
    {%- set moments = [] -%}
    {%- for column in version -%}
        {%- do moments.append(
            "case when cast(" ~ column ~ " as " ~ text ~ ") like '____-__-__%' then try_cast(cast(" ~ column ~ " as " ~ text
            ~ ") as timestamp) end"
        ) -%}
    {%- endfor -%}
    coalesce({{ (moments + [context360.delivered_at()]) | join(', ') }})
{%- endmacro %}


{#- The rows of one key in one delivery that nothing orders: same version, same day in the file's name. -#}
{% macro _unordered_rows(key, version) -%}
partition by {{ (key + ['row_identity', '_dlt_load_id', '_source_day'] + version) | join(', ') }}
{%- endmacro %}
