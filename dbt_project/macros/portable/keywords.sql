{#- A column may bear a name that is a word of SQL: `at`, `select`, `order`. -#}

{#- The name of a column, quoted if it is a word that DuckDB reserves; any other expression as it is. -#}
{% macro quoted(expression) -%}
    {{ adapter.quote(expression) if expression | lower in context360._reserved_words().split() else expression }}
{%- endmacro %}

{#- As `duckdb_keywords()` lists them, without the values null, true and false (tests/texts/test_keyword_columns.py). -#}
{% macro _reserved_words() -%}
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default
    deferrable desc describe distinct do else end except fetch for foreign from group having in initially intersect into
    lambda lateral leading limit not offset on only or order pivot pivot_longer pivot_wider placing primary qualify
    references returning select show some summarize symmetric table then to trailing union unique unpivot using variadic
    when where window with
    anti asof at authorization binary by collation columns concurrently cross freeze full generated glob ilike inner is
    isnull join left like map natural notnull outer overlaps positional right semi similar struct tablesample try_cast
    unpack verbose
    between bigint bit boolean char character coalesce dec decimal exists extract float grouping grouping_id inout int
    integer interval national nchar none nullif numeric out overlay position precision real row setof smallint substring
    time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse
    xmlpi xmlroot xmlserialize xmltable
{%- endmacro %}
