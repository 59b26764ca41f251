with relations as (
    select * from {{ ref('int_relation') }}
),

weights as (
    select * from {{ ref('relation_weights') }}
),

customers as (
    select * from {{ ref('int_identified_customer') }}
),

-- People who are no customers, or share the identifier, stay in the graph under a negative number of their own.
people as (
    select
        coalesce(
            customers.customer_key, -1 - {{ integer_key(['relations.identifier_kind', 'relations.identifier_value']) }}
        )
            as person,
        coalesce(
            others.customer_key,
            -1 - {{ integer_key(['relations.other_identifier_kind', 'relations.other_identifier_value']) }}
        ) as other_person,
        customers.customer_key,
        others.customer_key as other_customer_key,
        relations.relation_kind,
        weights.weight
    from relations
    inner join weights on relations.relation_kind = weights.relation_kind
    left join customers
        on
            relations.identifier_kind = customers.identifier_kind
            and relations.identifier_value = customers.identifier_value
    left join customers as others
        on
            relations.other_identifier_kind = others.identifier_kind
            and relations.other_identifier_value = others.identifier_value
    where
        relations.identifier_value is not null
        and relations.other_identifier_value is not null
        and weights.weight > 0
)

-- The tenth mention adds less than the first.
select
    person,
    other_person,
    customer_key,
    other_customer_key,
    relation_kind,
    max(weight) * (1 + ln(count(*))) as weight
from people
group by person, other_person, customer_key, other_customer_key, relation_kind
