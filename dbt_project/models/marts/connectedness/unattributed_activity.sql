select
    facts.source_system,
    touchpoints.touchpoint,
    coalesce(facts.identifier_kind, 'none') as identifier_kind,
    facts.attribution as reason,
    count(*) as interaction_count,
    coalesce(cast(sum(facts.reporting_amount) as decimal(18, 6)), 0) as amount,
    min(facts.happened_at) as first_happened_at,
    max(facts.happened_at) as last_happened_at
from {{ ref('fct_interaction') }} as facts
inner join {{ ref('dim_touchpoint') }} as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
where facts.customer_key < 0
group by facts.source_system, touchpoints.touchpoint, coalesce(facts.identifier_kind, 'none'), facts.attribution
