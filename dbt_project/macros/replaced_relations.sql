{#-
  How tables and views are built on DuckDB: the old relation is dropped and the new one created in one transaction.
  dbt's own materializations build beside the old relation, rename twice and drop the old one at the end, which costs
  half of dbt's time per model; DuckDB can undo a dropped table, so a model that fails leaves the old one as well.
  The root project hands its materializations on to these macros, since dbt ignores those of a package.
-#}
{% macro materialize_table() %}
    {% if model['language'] != 'sql' %}
        {{ return(dbt.materialization_table_duckdb()) }}
    {% endif %}
    {% set target = this.incorporate(type='table') %}
    {{ return(context360.replace_relation(target, create_table_as(False, target, compiled_code))) }}
{% endmacro %}

{% macro materialize_view() %}
    {% set target = this.incorporate(type='view') %}
    {{ return(context360.replace_relation(target, get_create_view_as_sql(target, sql))) }}
{% endmacro %}

{#- target: the relation; create: the SQL that creates it. Returns what a materialization returns. -#}
{% macro replace_relation(target, create) %}
    {% set existing = load_cached_relation(this) %}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% set is_described = config.get('contract').enforced %}
    {% call statement('main') %}
        {% if existing is not none %}drop {{ existing.type }} if exists {{ existing }};{% endif %}
        {{ create }};
        {{ context360.comments_on(target) if is_described }}
    {% endcall %}
    {% do create_indexes(target) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% if not is_described %}{% do persist_docs(target, model) %}{% endif %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmacro %}

{#- The descriptions of a relation and of its columns, all of which exist since its contract names them. -#}
{% macro comments_on(target) %}
    {% if config.persist_relation_docs() and model.description %}
        {{ alter_relation_comment(target, model.description) }}
    {% endif %}
    {% for column in model.columns.values() if config.persist_column_docs() and column.description %}
        comment on column {{ target }}.{{ adapter.quote(column.name) if column.quote else column.name }}
            is {{ duckdb_escape_comment(column.description) }};
    {% endfor %}
{% endmacro %}
