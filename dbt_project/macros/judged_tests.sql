{#- Judges generic tests, all tests of a table in one statement, and logs the number of failing rows of each: a line of
    JSON per table. `context360 run` calls it, because a test costs dbt more as a node than as a query; `dbt test` and
    `dbt build` run the same tests as nodes.

    tests_of_tables: a list per table with the unique ids of its tests. -#}
{% macro judge_tests(tests_of_tables) %}
    {%- for tests in tests_of_tables %}
        {%- set statement %}
            {%- for unique_id in tests %}
select '{{ unique_id }}' as test, count(*) as failures
from ({{ context360.failing_rows(graph.nodes[unique_id]) }}
) as failing
{{- '\nunion all' if not loop.last }}
            {%- endfor %}
        {%- endset %}
        {%- set judged = run_query(statement) %}
        {%- do log('context360 judged: ' ~ tojson(dict(judged.rows.values() | map('list')))) %}
    {%- endfor %}
{% endmacro %}


{#- The query of a generic test: the rows that break it. dbt's own `not_null` asks for the settings of its node, which
    an operation does not have. -#}
{% macro failing_rows(test) %}
    {%- set name, arguments = test.test_metadata.name, dict(test.test_metadata.kwargs) %}
    {%- set table = graph.nodes[test.attached_node] %}
    {%- if name == 'not_null' %}
select {{ arguments.column_name }}
from {{ table.relation_name }}
where {{ arguments.column_name }} is null
    {%- else %}
        {%- if 'to' in arguments %}
            {%- set others = test.depends_on.nodes | reject('equalto', test.attached_node) | list %}
            {%- set other = (others or [test.attached_node]) | first %}
            {%- set other = graph.sources[other] if other.startswith('source.') else graph.nodes[other] %}
            {%- do arguments.update({'to': other.relation_name}) %}
        {%- endif %}
        {%- do arguments.update({'model': table.relation_name}) %}
        {%- set package = 'context360' if ('macro.context360.test_' ~ name) in test.depends_on.macros else 'dbt' %}
{{ context[package]['test_' ~ name](**arguments) }}
    {%- endif %}
{% endmacro %}
