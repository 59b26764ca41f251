-- Of several statements the strictest counts, as in customer_consent, and in whichever channel it was made: what is
-- derived of a person comes from all channels at once. No column depends on the moment of a run, so that the facts that
-- are gated here stay as they are until a statement comes in.
with statements as (
    select
        customer_key,
        is_granted,
        changed_at
    from {{ ref('fct_consent') }}
    where purpose = 'profiling' and customer_key > 0 and valid_to is null
),

answers as (
    select
        customer_key,
        case when count(case when not is_granted then 1 end) > 0 then 'refused' else 'granted' end as answer,
        max(case when not is_granted then changed_at end) as refused_at,
        max(changed_at) as changed_at
    from statements
    group by customer_key
),

answered as (
    select
        customers.customer_key,
        case when customers.customer_key > 0 then coalesce(answers.answer, 'never asked') end as answer,
        coalesce(answers.refused_at, answers.changed_at) as answered_at
    from {{ ref('dim_customer') }} as customers
    left join answers on customers.customer_key = answers.customer_key
)

select
    customer_key,
    answer,
    answered_at,
    cast('{{ profiling_basis() }}' as {{ dbt.type_string() }}) as profiling_basis,
    {#- Rows of unknown people are no one's. #}
    case
        when answer {{ "<> 'granted'" if profiling_basis() == 'consent' else "= 'refused'" }}
            then {{ no_consent_to_profiling() }}
    end as no_profile_reason
from answered
