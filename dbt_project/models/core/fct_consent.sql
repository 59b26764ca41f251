with consents as (
    select
        *,
        {{ integer_key(['source_system', 'identifier_kind', 'identifier_value']) }} as holder_key
    from {{ ref('int_consent') }}
)

select
    {{ integer_key([
        'consents.source_system', 'consents.source_consent_id', 'consents.purpose', 'consents.channel',
        'cast(consents.changed_at as ' ~ dbt.type_string() ~ ')'
    ]) }} as consent_key,
    {{ customer_key_or_unknown() }} as customer_key,
    consents.holder_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ date_key('consents.changed_at') }} as changed_date_key,
    consents.changed_at,
    consents.changed_at as valid_from,
    lead(consents.changed_at) over (
        partition by consents.holder_key, consents.purpose, consents.channel
        order by consents.changed_at, consents.source_consent_id
    ) as valid_to,
    consents.purpose,
    consents.channel,
    consents.is_granted,
    consents.lawful_basis,
    consents.given_through,
    consents.source_system,
    consents.source_consent_id
from consents
{{ join_customer('consents') }}
left join {{ ref('channels') }} as channels on consents.channel = channels.channel
