{{ config(materialized='table') }}

{%- set session_gap = var('session_gap_minutes') %}

with device_persons as (
    select * from {{ ref('int_device_person') }}
),

devices as (
    select
        device_id,
        max(person_count) as person_count,
        max(case when person_count = 1 then customer_key end) as customer_key,
        min(first_identified_at) as first_identified_at,
        min(known_from) as known_from,
        min(known_until) as known_until
    from device_persons
    group by device_id
    having max(customer_key) is not null
),

delivered as (
    select
        source_system,
        source_interaction_id,
        session_id,
        happened_at,
        coalesce(identifier_kind, 'device') in {{ anonymous_identifier_kinds() }} as is_anonymous,
        coalesce(
            device_id, case when identifier_kind in {{ anonymous_identifier_kinds() }} then identifier_value end
        ) as device_id
    from {{ ref('int_interaction') }}
),

interactions as (
    select delivered.*
    from delivered
    inner join devices on delivered.device_id = devices.device_id
),

-- Without a session from the source, a visit ends after a pause.
after_a_pause as (
    select
        *,
        case
            when
                session_id is null
                and happened_at <= {{ dbt.dateadd('minute', session_gap, 'lag(happened_at) over earlier') }}
                then 0
            else 1
        end as is_start
    from interactions
    where is_anonymous or session_id is not null
    window earlier as (partition by source_system, device_id, session_id order by happened_at, source_interaction_id)
),

numbered as (
    select
        *,
        case
            when session_id is not null then {{ integer_key(['source_system', 'device_id', 'session_id']) }}
            else
                {{ integer_key([
                    'source_system', 'device_id', 'cast(sum(is_start) over so_far as ' ~ dbt.type_string() ~ ')'
                ]) }}
        end as visit_key
    from after_a_pause
    window so_far as (
        partition by source_system, device_id, session_id
        order by happened_at, source_interaction_id
        rows between unbounded preceding and current row
    )
),

visits as (
    select
        visit_key,
        device_id,
        min(happened_at) as started_at,
        max(happened_at) as ended_at
    from numbered
    group by visit_key, device_id
),

-- On a device with one user only the first identification adds information.
evidence as (
    select
        evidence.device_id,
        evidence.identified_at,
        evidence.person_key,
        evidence.customer_key
    from {{ ref('int_device_evidence') }} as evidence
    inner join devices on evidence.device_id = devices.device_id
    where
        evidence.person_share = 1
        and (devices.person_count > 1 or evidence.identified_at = devices.first_identified_at)
),

-- An identification belongs to the visit in which it happens, or that has just ended.
visits_of_evidence as (
    select
        evidence.person_key,
        evidence.customer_key,
        visits.visit_key,
        row_number() over (
            partition by evidence.device_id, evidence.identified_at, evidence.person_key
            order by visits.started_at desc, visits.visit_key asc
        ) as latest_rank
    from evidence
    inner join visits
        on
            evidence.device_id = visits.device_id
            and evidence.identified_at >= visits.started_at
            and evidence.identified_at <= {{ dbt.dateadd('minute', session_gap, 'visits.ended_at') }}
),

identified_visits as (
    select
        visit_key,
        case when min(person_key) = max(person_key) then max(customer_key) end as customer_key
    from visits_of_evidence
    where latest_rank = 1
    group by visit_key
),

-- Shared devices: customers identified around the visit, and on how many days.
days as (
    select
        evidence.device_id,
        evidence.person_key,
        cast(evidence.identified_at as date) as identified_on,
        max(evidence.person_share) as person_share
    from {{ ref('int_device_evidence') }} as evidence
    inner join devices on evidence.device_id = devices.device_id
    where devices.person_count between 2 and {{ var('most_people_per_device') }}
    group by evidence.device_id, evidence.person_key, cast(evidence.identified_at as date)
),

counted as (
    select
        visits.visit_key,
        visits.device_id,
        visits.started_at,
        days.person_key,
        sum(days.person_share) as person_days
    from visits
    inner join days
        on
            visits.device_id = days.device_id
            and days.identified_on >= {{ dbt.dateadd('day', -var('shared_device_window_days'), 'visits.started_at') }}
            and days.identified_on <= {{ dbt.dateadd('day', var('shared_device_window_days'), 'visits.started_at') }}
    group by visits.visit_key, visits.device_id, visits.started_at, days.person_key
),

-- Laplace's rule of succession: one sighting does not make the next one certain.
shares as (
    select
        counted.visit_key,
        device_persons.customer_key,
        device_persons.first_identified_at <= counted.started_at as is_identified_before,
        (counted.person_days + {{ var('shared_device_prior_days') }})
        / (
            sum(counted.person_days) over (partition by counted.visit_key)
            + {{ var('shared_device_prior_days') }} * device_persons.person_count
        ) as probability
    from counted
    inner join device_persons
        on counted.device_id = device_persons.device_id and counted.person_key = device_persons.person_key
),

candidates as (
    select
        visit_key,
        customer_key,
        probability,
        row_number() over (partition by visit_key order by probability desc, customer_key asc) as candidate_rank
    from shares
    where customer_key is not null and is_identified_before and probability > {{ var('least_probability') }}
),

attributed as (
    select
        numbered.source_system,
        numbered.source_interaction_id,
        case
            when
                devices.customer_key is not null
                and numbered.happened_at >= devices.known_from
                and numbered.happened_at < devices.known_until
                then devices.customer_key
        end as customer_of_device,
        identified_visits.customer_key as customer_of_visit,
        devices.person_count,
        numbered.happened_at >= devices.known_until as is_too_late,
        candidates.customer_key as probable_customer_key,
        candidates.probability
    from numbered
    inner join devices on numbered.device_id = devices.device_id
    left join identified_visits on numbered.visit_key = identified_visits.visit_key
    left join candidates on numbered.visit_key = candidates.visit_key and candidates.candidate_rank = 1
    where numbered.is_anonymous
)

select
    source_system,
    source_interaction_id,
    coalesce(customer_of_visit, customer_of_device) as customer_key,
    case
        when customer_of_visit is not null then 'known by session'
        when customer_of_device is not null then 'known by device'
        when probable_customer_key is not null then 'probable'
        when person_count > 1 then 'device is shared'
        when is_too_late then 'identified too long ago'
        else 'not yet identified'
    end as attribution,
    case when coalesce(customer_of_visit, customer_of_device) is null then probable_customer_key end
        as probable_customer_key,
    case when coalesce(customer_of_visit, customer_of_device) is null then probability end as attribution_probability
from attributed
