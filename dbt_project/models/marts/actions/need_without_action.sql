with needs as (
    select
        needs.customer_key,
        needs.need,
        needs.need_rank,
        needs.action,
        needs.title,
        actions.kind,
        actions.purpose,
        actions.is_held_during_complaint and personal.open_complaint_count > 0 as is_held,
        -- Of the needs that these meet, the first one is proposed.
        needs.action in ('meet_need', 'offer_service') and needs.need_rank > 1 as is_behind_first
    from {{ ref('customer_need') }} as needs
    inner join {{ ref('actions') }} as actions on needs.action = actions.action
    inner join {{ ref('personal_context') }} as personal on needs.customer_key = personal.customer_key
),

agreed as (
    select
        customer_key,
        purpose,
        bool_or(is_granted) as is_granted
    from {{ ref('customer_consent') }}
    group by customer_key, purpose
),

reachable as (
    select
        customer_key,
        purpose,
        bool_or(may_contact) as may_contact,
        {{ sorted_list_of('no_contact_reason') }} as no_contact_reasons
    from {{ ref('customer_contact') }}
    group by customer_key, purpose
)

select
    needs.customer_key,
    needs.need,
    needs.need_rank,
    needs.action,
    needs.purpose,
    case
        when needs.is_held then 'waits until the open complaint is resolved'
        when agreed.is_granted is null
            then 'no system states a channel that may be used for the purpose ' || needs.purpose
        when not agreed.is_granted then 'refused in every channel for the purpose ' || needs.purpose
        when not reachable.may_contact
            then 'cannot be contacted for the purpose ' || needs.purpose || ': ' || reachable.no_contact_reasons
        when needs.is_behind_first then 'comes after: ' || first_needs.title
        when proposed.title is not null then 'comes after: ' || proposed.title
        else 'nothing is known that could be proposed'
    end as reason
from needs
left join agreed on needs.customer_key = agreed.customer_key and needs.purpose = agreed.purpose
left join reachable on needs.customer_key = reachable.customer_key and needs.purpose = reachable.purpose
left join {{ ref('next_best_action') }} as proposed
    on needs.customer_key = proposed.customer_key and needs.kind = proposed.kind
left join needs as first_needs on needs.customer_key = first_needs.customer_key and first_needs.need_rank = 1
where needs.is_behind_first or proposed.action is null or proposed.action <> needs.action
