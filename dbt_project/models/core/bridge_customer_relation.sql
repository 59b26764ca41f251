{%- set limits = var('households') -%}
with records as (
    select
        assignments.customer_id as customer_key,
        records.postal_code,
        records.recorded_at,
        -- The house number is in the street field, in a field of its own, or in both.
        case
            when records.house_number is null or lower(records.street) like '% ' || lower(records.house_number)
                then records.street
            else records.street || records.house_number
        end as street_and_number
    from {{ ref('int_source_record') }} as records
    inner join {{ source('identity', 'assignment') }} as assignments
        on
            records.source_system = assignments.source_system
            and records.source_record_id = assignments.source_record_id
    where records.street is not null and records.postal_code is not null
),

addressed as (
    select
        customer_key,
        recorded_at,
        {{ integer_key([letters_and_digits('upper(postal_code)'), letters_and_digits('lower(street_and_number)')]) }}
            as address_key
    from records
    -- A street without a house number does not identify a household.
    where translate(street_and_number, '0123456789', '') <> street_and_number
),

homes as (
    select
        customer_key,
        address_key,
        max(recorded_at) as address_recorded_at
    from addressed
    group by customer_key, address_key
),

-- An address with very many customers does not identify a household.
households as (
    select *
    from (select
        *,
        count(*) over (partition by address_key) as people_at_address
    from homes) as counted
    where people_at_address between 2 and {{ limits.most_people_at_address }}
),

shared_homes as (
    select
        ones.customer_key as from_customer_key,
        others.customer_key as to_customer_key,
        'household' as relation_kind,
        greatest(ones.address_recorded_at, others.address_recorded_at) as observed_at
    from households as ones
    inner join households as others on ones.address_key = others.address_key
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
    select
        from_customer_key,
        to_customer_key,
        relation_kind,
        observed_at
    from shared_homes

    union all

    select
        from_customer_key,
        to_customer_key,
        relation_kind,
        observed_at
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
