-- Of several statements of a customer the strictest counts, as in customer_consent.
with statements as (
    select
        customers.customer_key,
        consents.is_granted,
        row_number() over (
            partition by
                consents.source_system, consents.identifier_kind, consents.identifier_value, consents.channel
            order by consents.changed_at desc, consents.source_consent_id desc
        ) as newest_rank
    from {{ ref('int_consent') }} as consents
    {{ join_customer('consents') }}
    where
        consents.purpose = '{{ var("anonymous_backward_purpose") }}'
        and consents.changed_at < {{ as_of() }}
        and customers.customer_key is not null
)

select customer_key
from statements
where newest_rank = 1
group by customer_key
having count(case when not is_granted then 1 end) = 0
