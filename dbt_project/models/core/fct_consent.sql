with consents as (
    select * from {{ ref('int_consent') }}
)

select
    {{ integer_key([
        'consents.source_system', 'consents.source_consent_id', 'consents.purpose', 'consents.channel',
        'cast(consents.changed_at as ' ~ dbt.type_string() ~ ')'
    ]) }} as consent_key,
    {{ customer_key_or_unknown() }} as customer_key,
    {{ integer_key(['consents.source_system', 'consents.identifier_kind', 'consents.identifier_value']) }}
        as consent_subject_key,
    coalesce(channels.channel_key, -1) as channel_key,
    {{ date_key('consents.changed_at') }} as changed_date_key,
    consents.changed_at,
    consents.purpose,
    consents.channel,
    consents.is_granted,
    consents.lawful_basis,
    consents.source_system,
    consents.source_consent_id
from consents
{{ join_customer('consents') }}
left join {{ ref('channels') }} as channels on consents.channel = channels.channel
