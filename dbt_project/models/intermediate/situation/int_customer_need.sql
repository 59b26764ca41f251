-- The needs of each customer at the as of, the first one by precedence, each with its evidence in words. Needs of
-- interest follow from a profile: customers who may not be profiled have none.
{%- set facts = {
    'what': 'signals.what',
    'place': 'signals.place',
    'detail': 'signals.detail',
    'figure': whole_text('signals.figure'),
    'figure_days': counted_text('signals.figure', 'day'),
    'figure_times': counted_text('signals.figure', 'time'),
    'at': moment_text('signals.seen_at'),
    'day': day_text('signals.seen_at'),
    'since': moment_text('signals.since'),
    'since_day': day_text('signals.since'),
    'again': moment_text('signals.again_at'),
} %}
with felt_needs as (
    select
        signals.customer_key,
        needs.need,
        needs.precedence,
        needs.title,
        needs.action,
        coalesce(needs.is_profile, true) as is_profile,
        signals.signal,
        signals.seen_at,
        {{ sentence_of(['needs.evidence_1', 'needs.evidence_2', 'needs.evidence_3', 'needs.evidence_4'], facts) }}
            as evidence
    from {{ ref('int_need_signal') }} as signals
    inner join {{ ref('needs') }} as needs on signals.signal = needs.signal
    {{ join_profiling_gate('signals.customer_key') }}
    where
        -- A window of zero hours has no end.
        (
            needs.window_hours = 0
            or abs({{ dbt.datediff('signals.counts_from', as_of(), 'second') }}) <= needs.window_hours * 3600
        )
        and case needs.threshold_kind
            when 'at_most' then signals.figure <= needs.threshold
            when 'at_least' then signals.figure >= needs.threshold
            else true
        end
        and (not coalesce(needs.is_profile, true) or {{ may_be_profiled() }})
)

select
    *,
    cast(row_number() over (partition by customer_key order by precedence, need) as int) as need_rank
from felt_needs
