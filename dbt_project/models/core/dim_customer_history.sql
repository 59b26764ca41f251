{%- set attributes = [
    'given_name', 'family_name', 'email', 'phone', 'street', 'house_number', 'postal_code', 'city', 'region', 'country',
    'loyalty_tier', 'has_email_marketing_consent'
] -%}
{%- set by_name = 'family_name is not null' -%}
{%- set beginning = "cast('1900-01-01 00:00:00' as timestamp)" -%}
with customers as (
    select
        customer_key,
        coalesce(first_known_at, {{ beginning }}) as first_known_at
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

-- Records have the precedence of dim_customer, in every version.
ranked as (
    select
        records.source_system,
        records.source_record_id,
        assignments.customer_id as customer_key,
        row_number() over (
            partition by assignments.customer_id
            order by
                case when records.recorded_at is null then 0 else 1 end,
                records.recorded_at,
                records.source_system,
                records.source_record_id
        ) as precedence,
        names.is_swapped,
        names.name_precedence
    from {{ ref('int_source_record') }} as records
    inner join {{ source('identity', 'assignment') }} as assignments
        on
            records.source_system = assignments.source_system
            and records.source_record_id = assignments.source_record_id
    left join {{ ref('int_record_name') }} as names
        on records.source_system = names.source_system and records.source_record_id = names.source_record_id
),

versions as (
    select
        ranked.customer_key,
        ranked.precedence,
        coalesce(ranked.is_swapped, false) as is_swapped,
        -- A version may hold a name that its record has lost.
        cast(coalesce(ranked.name_precedence, 0) as bigint) * 1000000 + ranked.precedence as name_precedence,
        -- What is said first holds from the beginning, which may be a purchase before any record.
        case
            when
                coalesce(delivered.known_from, {{ beginning }})
                = min(coalesce(delivered.known_from, {{ beginning }})) over (partition by ranked.customer_key)
                then customers.first_known_at
            else delivered.known_from
        end as said_from,
        delivered.*
    from {{ ref('int_source_record_version') }} as delivered
    inner join ranked
        on
            delivered.source_system = ranked.source_system
            and delivered.source_record_id = ranked.source_record_id
    inner join customers on ranked.customer_key = customers.customer_key
),

consents as (
    select
        consents.customer_key,
        consents.is_granted,
        greatest(consents.valid_from, customers.first_known_at) as said_from,
        consents.valid_to as said_to
    from {{ ref('fct_consent') }} as consents
    inner join customers on consents.customer_key = customers.customer_key
    where consents.purpose = 'marketing' and consents.channel = 'email'
),

moments as (
    select
        customer_key,
        said_from as moment
    from versions

    union

    select
        customer_key,
        said_from as moment
    from consents
),

golden as (
    select
        moments.customer_key,
        moments.moment,
        {%- for attribute in ['email', 'phone', 'loyalty_tier'] %}
            {{ best_known(attribute) }} as {{ attribute }},
        {%- endfor %}
        {{ best_known(street_alone('street', 'house_number'), where='street is not null') }} as street,
        {{ best_known(house_number_alone('street', 'house_number'), where='street is not null') }} as house_number,
        {%- for attribute in ['postal_code', 'city', 'region', 'country'] %}
            {{ best_known(attribute, where='street is not null') }} as {{ attribute }},
        {%- endfor %}
        {{ best_known(given_name_in_order('given_name', 'family_name', 'is_swapped'), by_name, 'name_precedence') }}
            as given_name,
        {{ best_known(family_name_in_order('given_name', 'family_name', 'is_swapped'), by_name, 'name_precedence') }}
            as family_name
    from moments
    inner join versions on moments.customer_key = versions.customer_key
    where moments.moment >= versions.said_from and (moments.moment < versions.known_to or versions.known_to is null)
    group by moments.customer_key, moments.moment
),

-- Where consents differ between identifiers, the strictest counts.
consented as (
    select
        moments.customer_key,
        moments.moment,
        bool_and(consents.is_granted) as has_email_marketing_consent
    from moments
    inner join consents on moments.customer_key = consents.customer_key
    where moments.moment >= consents.said_from and (moments.moment < consents.said_to or consents.said_to is null)
    group by moments.customer_key, moments.moment
),

described as (
    select
        golden.*,
        consented.has_email_marketing_consent
    from golden
    left join consented on golden.customer_key = consented.customer_key and golden.moment = consented.moment
),

compared as (
    select
        *,
        {{ content_key(attributes) }} as content_key
    from described
),

marked as (
    select
        *,
        lag(content_key) over (partition by customer_key order by moment) as previous_content_key
    from compared
),

periods as (
    select
        customer_key,
        moment as valid_from,
        lead(moment) over (partition by customer_key order by moment) as valid_to,
    {%- for attribute in attributes %}
        {{ attribute }}{{ "," if not loop.last }}
    {%- endfor %}
    from marked
    where previous_content_key is null or content_key <> previous_content_key
),

unknown_members as (
    select
        customer_key,
        display_name
    from {{ ref('dim_customer') }}
    where customer_key < 0
)

select
    periods.customer_key,
    periods.valid_from,
    periods.valid_to,
    periods.valid_to is null as is_current,
    {{ readable_name('periods.given_name', 'periods.family_name') }} as display_name,
{%- for attribute in attributes %}
    periods.{{ attribute }}{{ "," if not loop.last }}
{%- endfor %}
from periods

union all

select
    unknown_members.customer_key,
    {{ beginning }} as valid_from,
    cast(null as timestamp) as valid_to,
    true as is_current,
    unknown_members.display_name,
{%- for attribute in attributes %}
    cast(null as {{ 'boolean' if attribute.startswith('has_') else dbt.type_string() }})
        as {{ attribute }}{{ "," if not loop.last }}
{%- endfor %}
from unknown_members
