{%- set limits = var('households') -%}
with homes as (
    select
        customer_key,
        address_recorded_at,
        {{ integer_key([
            letters_and_digits('upper(postal_code)'),
            letters_and_digits("lower(street || coalesce(house_number, ''))"),
        ]) }} as address_key,
        {{ integer_key([letters_and_digits('lower(family_name)')]) }} as family_key
    from {{ ref('dim_customer') }}
    where customer_key > 0 and street is not null and postal_code is not null and family_name is not null
),

-- Where very many live, a name that two of them share says little.
counted as (
    select
        *,
        count(*) over (partition by address_key) as people_at_address,
        count(*) over (partition by address_key, family_key) as people_of_family
    from homes
),

households as (
    select *
    from counted
    where people_at_address <= {{ limits.most_people_at_address }} and people_of_family > 1
),

shared_homes as (
    select
        ones.customer_key as from_customer_key,
        others.customer_key as to_customer_key,
        'household' as relation_kind,
        greatest(ones.address_recorded_at, others.address_recorded_at) as observed_at
    from households as ones
    inner join households as others
        on ones.address_key = others.address_key and ones.family_key = others.family_key
    where ones.customer_key <> others.customer_key
),

observed as (
    select
        ones.customer_key as from_customer_key,
        others.customer_key as to_customer_key,
        relations.relation_kind,
        relations.observed_at
    from {{ ref('int_relation') }} as relations
    inner join {{ ref('int_identified_customer') }} as ones
        on relations.identifier_kind = ones.identifier_kind and relations.identifier_value = ones.identifier_value
    inner join {{ ref('int_identified_customer') }} as others
        on
            relations.other_identifier_kind = others.identifier_kind
            and relations.other_identifier_value = others.identifier_value
    where ones.customer_key is not null and others.customer_key is not null and ones.customer_key <> others.customer_key
),

united as (
    select from_customer_key, to_customer_key, relation_kind, observed_at
    from shared_homes

    union all

    select from_customer_key, to_customer_key, relation_kind, observed_at
    from observed
)

select
    from_customer_key,
    to_customer_key,
    relation_kind,
    min(observed_at) as since,
    cast(count(*) as int) as weight
from united
group by from_customer_key, to_customer_key, relation_kind
