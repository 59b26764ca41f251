{#- A share as text in whole percent, as the reports write it: never rounded to all, to nothing, or up to a target that
    it misses. Keep it like share_text of orchestration/serving/report_page.py. -#}
{% macro percent_text(share, target) -%}
    case
        when {{ share }} > 0 and {{ share }} < 0.005 then '< 1 %'
        when {{ share }} >= 0.995 and {{ share }} < 1 then '> 99 %'
        when {{ share }} < {{ target }} and round(100 * {{ share }}) >= 100 * {{ target }}
            then cast(cast(floor(1000 * {{ share }}) / 10 as decimal(4, 1)) as {{ dbt.type_string() }}) || ' %'
        else cast(cast(round(100 * {{ share }}) as int) as {{ dbt.type_string() }}) || ' %'
    end
{%- endmacro %}
