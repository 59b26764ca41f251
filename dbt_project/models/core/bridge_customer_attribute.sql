{#- Which attributes each source record of a customer holds, without their values. -#}
{%- set held = {
    'name': 'coalesce(given_name, family_name)',
    'birth_date': 'birth_date',
    'gender': 'gender',
    'national_id': 'national_id',
    'email': 'email',
    'phone': 'phone',
    'address': 'coalesce(street, postal_code, city)',
    'occupation': 'occupation',
    'annual_income': 'annual_income_amount',
    'loyalty': 'coalesce(loyalty_number, loyalty_tier)',
    'stated_satisfaction': 'stated_satisfaction'
} -%}

with records as (
    select * from {{ ref('int_source_record') }}
),

assignments as (
    select * from {{ source('identity', 'assignment') }}
),

counted as (
    select
        assignments.customer_id as customer_key,
        records.source_system,
        max(records.recorded_at) as recorded_at
        {%- for attribute, expression in held.items() %}
            ,
            count({{ expression }}) as {{ attribute }}
    
        {%- endfor %}
    from records
    inner join assignments
        on
            records.source_system = assignments.source_system
            and records.source_record_id = assignments.source_record_id
    group by assignments.customer_id, records.source_system
),

handles as (
    select
        assignments.customer_id as customer_key,
        identifiers.source_system,
        count(*) as social_handle
    from {{ ref('int_identifier') }} as identifiers
    inner join assignments
        on
            identifiers.source_system = assignments.source_system
            and identifiers.source_record_id = assignments.source_record_id
    where identifiers.identifier_kind = 'social_handle'
    group by assignments.customer_id, identifiers.source_system
),

attributes as (
    select attribute from {{ ref('data_attributes') }}
),

held as (
    select
        counted.customer_key,
        attributes.attribute,
        counted.source_system,
        cast(case attributes.attribute
            {%- for attribute in held %}
                when '{{ attribute }}' then counted.{{ attribute }}
            {%- endfor %}
        end as int) as record_count,
        counted.recorded_at
    from counted
    cross join attributes

    union all

    select
        customer_key,
        'social_handle' as attribute,
        source_system,
        cast(social_handle as int) as record_count,
        cast(null as timestamp) as recorded_at
    from handles
)

select
    customer_key,
    attribute,
    source_system,
    record_count,
    recorded_at
from held
where record_count > 0
