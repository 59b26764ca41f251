{%- set by_name = 'family_name is not null' -%}
-- depends_on: {{ ref('int_contribution_ledger') }}
-- Great Expectations judge with this table whether the contributions can be trusted.
with source_records as (
    select * from {{ ref('int_source_record') }}
),

assignments as (
    select * from {{ source('identity', 'assignment') }}
),

-- The record written last has the highest precedence, one without a date the lowest.
ranked as (
    select
        assignments.customer_id as customer_key,
        assignments.match_probability,
        source_records.*,
        names.is_swapped,
        names.name_precedence,
        row_number() over (
            partition by assignments.customer_id
            order by
                case when source_records.recorded_at is null then 0 else 1 end,
                source_records.recorded_at,
                source_records.source_system,
                source_records.source_record_id
        ) as precedence
    from source_records
    inner join assignments
        on
            source_records.source_system = assignments.source_system
            and source_records.source_record_id = assignments.source_record_id
    left join {{ ref('int_record_name') }} as names
        on
            source_records.source_system = names.source_system
            and source_records.source_record_id = names.source_record_id
),

-- An attribute comes from the record with the highest precedence that has it; name and address come as a whole, the
-- name from the record that can be relied on most for it.
golden as (
    select
        customer_key,
        {%- for attribute in [
            'birth_date', 'gender', 'email', 'phone', 'occupation',
            'loyalty_tier', 'loyalty_points', 'loyalty_number', 'stated_satisfaction'
        ] %}
            {{ best_known(attribute) }} as {{ attribute }},
        {%- endfor %}
        {{ best_known(given_name_in_order('given_name', 'family_name', 'is_swapped'), by_name, 'name_precedence') }}
            as given_name,
        {{ best_known(family_name_in_order('given_name', 'family_name', 'is_swapped'), by_name, 'name_precedence') }}
            as family_name,
        {{ best_known(street_alone('street', 'house_number'), where='street is not null') }} as street,
        {{ best_known(house_number_alone('street', 'house_number'), where='street is not null') }} as house_number,
        {%- for attribute in ['postal_code', 'city', 'region', 'country'] %}
            {{ best_known(attribute, where='street is not null') }} as {{ attribute }},
        {%- endfor %}
        {{ best_known('annual_income_amount') }} as annual_income_amount,
        {{ best_known('annual_income_currency', where='annual_income_amount is not null') }} as annual_income_currency,
        {{ best_known('source_system', by_name, 'name_precedence') }} as name_source_system,
        {{ best_known('recorded_at', by_name, 'name_precedence') }} as name_recorded_at,
        {{ best_known('source_system', where='birth_date is not null') }} as birth_date_source_system,
        {{ best_known('source_system', where='email is not null') }} as email_source_system,
        {{ best_known('recorded_at', where='email is not null') }} as email_recorded_at,
        {{ best_known('source_system', where='phone is not null') }} as phone_source_system,
        {{ best_known('source_system', where='street is not null') }} as address_source_system,
        {{ best_known('recorded_at', where='street is not null') }} as address_recorded_at,
        min(recorded_at) as first_recorded_at,
        min(match_probability) as match_probability,
        cast(count(*) as int) as source_record_count,
        cast(count(distinct source_system) as int) as source_system_count,
        {{ sorted_list_of('source_system') }} as source_systems
    from ranked
    group by customer_key
),

-- A customer may hold consents under several identifiers: the strictest counts.
consents as (
    select
        customer_key,
        bool_and(is_granted) as has_email_marketing_consent
    from {{ ref('fct_consent') }}
    where purpose = 'marketing' and channel = 'email' and customer_key > 0 and valid_to is null
    group by customer_key
),

-- Unknown members, so that every fact row joins.
unknown_members as (
    select
        -1 as customer_key,
        'Unknown customer' as display_name
    union all
    select
        -2 as customer_key,
        'Not applicable' as display_name
)

select
    coalesce(golden.customer_key, unknown_members.customer_key) as customer_key,
    coalesce(
        unknown_members.display_name, {{ readable_name('golden.given_name', 'golden.family_name') }}
    ) as display_name,
    golden.given_name,
    golden.family_name,
    golden.birth_date,
    golden.gender,
    golden.email,
    golden.phone,
    golden.street,
    golden.house_number,
    golden.postal_code,
    golden.city,
    golden.region,
    golden.country,
    golden.occupation,
    golden.annual_income_amount,
    golden.annual_income_currency,
    golden.loyalty_number,
    golden.loyalty_tier,
    golden.loyalty_points,
    golden.stated_satisfaction,
    consents.has_email_marketing_consent,
    golden.name_source_system,
    golden.name_recorded_at,
    golden.birth_date_source_system,
    golden.email_source_system,
    golden.email_recorded_at,
    golden.phone_source_system,
    golden.address_source_system,
    golden.address_recorded_at,
    -- Known at the latest from the first thing that they did.
    least(
        coalesce(golden.first_recorded_at, first_acts.acted_at), coalesce(first_acts.acted_at, golden.first_recorded_at)
    ) as first_known_at,
    golden.match_probability,
    coalesce(golden.source_record_count, 0) as source_record_count,
    coalesce(golden.source_system_count, 0) as source_system_count,
    golden.source_systems
from golden
full outer join unknown_members on golden.customer_key = unknown_members.customer_key
left join consents on golden.customer_key = consents.customer_key
left join {{ ref('int_first_act') }} as first_acts on golden.customer_key = first_acts.customer_key
