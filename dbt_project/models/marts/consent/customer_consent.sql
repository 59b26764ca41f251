-- Each source record of a customer has its own latest decision; where these differ, the strictest counts.
with last_words as (
    select
        customer_key,
        purpose,
        channel,
        is_granted,
        lawful_basis,
        changed_at,
        source_system
    from {{ ref('fct_consent') }}
    where
        customer_key > 0
        and valid_from < {{ as_of() }}
        and (valid_to is null or valid_to >= {{ as_of() }})
)

select
    customer_key,
    purpose,
    channel,
    count(case when not is_granted then 1 end) = 0 as is_granted,
    count(case when is_granted then 1 end) > 0 and count(case when not is_granted then 1 end) > 0 as is_contradictory,
    -- Of several, consent: it can be withdrawn.
    coalesce(max(case when lawful_basis = 'consent' then lawful_basis end), max(lawful_basis)) as lawful_basis,
    max(changed_at) as changed_at,
    cast(count(*) as int) as statement_count,
    {{ sorted_list_of('source_system') }} as source_systems
from last_words
group by customer_key, purpose, channel
