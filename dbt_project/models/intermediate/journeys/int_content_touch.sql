-- What customers do with content items, until the as of.
{%- set fact_second = dbt.datediff("cast('2000-01-01' as timestamp)", 'facts.happened_at', 'second') %}
select
    facts.customer_key,
    facts.content_key,
    cast(facts.channel_key as {{ dbt.type_string() }}) || ' ' || coalesce(facts.identifier_kind, '') as met_by,
    facts.happened_at,
    facts.engagement_points,
    cast({{ fact_second }} as bigint) as second_number,
    {{ decayed('facts.engagement_points', dbt.datediff('facts.happened_at', as_of(), 'day')) }} as points_now
from {{ ref('fct_interaction') }} as facts
where facts.content_key > 0 and facts.direction = 'inbound' and facts.happened_at < {{ as_of() }}
