-- A consent is of use where the customer has an address for the channel, and no one else who uses the address has
-- refused. A statement made under an address whose person is not known counts for all who use it.
with permissions as (
    select
        consents.customer_key,
        consents.purpose,
        consents.channel,
        consents.lawful_basis,
        consents.changed_at,
        settings.address_kind
    from {{ ref('customer_consent') }} as consents
    left join {{ ref('channels') }} as settings on consents.channel = settings.channel
    where consents.is_granted
),

addresses as (
    select
        customer_key,
        'email' as address_kind,
        email as address
    from {{ ref('dim_customer') }}
    where email is not null

    union all

    select
        customer_key,
        'phone' as address_kind,
        phone as address
    from {{ ref('dim_customer') }}
    where phone is not null

    union all

    select
        customer_key,
        'postal_address' as address_kind,
        cast(null as {{ dbt.type_string() }}) as address  -- a letter names its reader
    from {{ ref('dim_customer') }}
    where street is not null

    union all

    select
        customer_key,
        identifier_kind as address_kind,
        identifier_value as address
    from {{ ref('bridge_customer_identifier') }}
    where identifier_kind = 'social_handle'
    group by customer_key, identifier_kind, identifier_value
),

statements as (
    select
        source_system,
        holder_key,
        purpose,
        channel,
        is_granted
    from {{ ref('fct_consent') }}
    where
        customer_key = -1
        and valid_from < {{ as_of() }}
        and (valid_to is null or valid_to >= {{ as_of() }})
),

refusals as (
    select
        users.customer_key,
        users.identifier_kind as address_kind,
        users.identifier_value as address,
        consents.purpose,
        consents.channel
    from {{ ref('bridge_customer_identifier') }} as users
    inner join {{ ref('customer_consent') }} as consents on users.customer_key = consents.customer_key
    where not consents.is_granted

    union all

    select
        cast(-1 as bigint) as customer_key,
        held.address_kind,
        held.address,
        statements.purpose,
        statements.channel
    from (
        select distinct
            addresses.address_kind,
            addresses.address,
            systems.source_system
        from addresses
        cross join (select distinct source_system from statements) as systems
    ) as held
    inner join statements
        on
            {{ integer_key(['held.source_system', 'held.address_kind', 'held.address']) }} = statements.holder_key
            and held.source_system = statements.source_system
    where not statements.is_granted
),

judged as (
    select
        permissions.customer_key,
        permissions.purpose,
        permissions.channel,
        addresses.address_kind is not null as has_address,
        count(refusals.customer_key) > 0 as is_refused
    from permissions
    left join addresses
        on
            permissions.customer_key = addresses.customer_key
            and permissions.address_kind = addresses.address_kind
    left join refusals
        on
            addresses.address_kind = refusals.address_kind
            and addresses.address = refusals.address
            and permissions.purpose = refusals.purpose
            and permissions.channel = refusals.channel
            and permissions.customer_key <> coalesce(refusals.customer_key, -1)
    group by
        permissions.customer_key,
        permissions.purpose,
        permissions.channel,
        addresses.address_kind,
        addresses.address
),

-- Of several addresses, one without a refusal is enough.
best as (
    select
        customer_key,
        purpose,
        channel,
        count(case when has_address then 1 end) > 0 as has_address,
        count(case when has_address and not is_refused then 1 end) > 0 as has_free_address
    from judged
    group by customer_key, purpose, channel
),

reasoned as (
    select
        permissions.*,
        case
            when permissions.address_kind is null or best.has_free_address then null
            when best.has_address then 'another user of the address has refused'
            else 'no ' || {{ words('permissions.address_kind') }}
        end as no_contact_reason
    from permissions
    inner join best
        on
            permissions.customer_key = best.customer_key
            and permissions.purpose = best.purpose
            and permissions.channel = best.channel
)

select
    customer_key,
    purpose,
    channel,
    address_kind,
    no_contact_reason is null as may_contact,
    no_contact_reason,
    lawful_basis,
    changed_at
from reasoned
