{{ config(enabled=context360.adapter_is_on()) }}

with pairs as (
    select
        'email' as identifier_kind,
        email as identifier_value,
        account_id,
        opened_at
    from {{ ref('stg_helpdesk__complaints') }}
    where email is not null and account_id is not null

    union all

    select
        'phone' as identifier_kind,
        phone as identifier_value,
        account_id,
        opened_at
    from {{ ref('stg_helpdesk__complaints') }}
    where phone is not null and account_id is not null
)

select
    'complaint' as evidence,
    identifier_kind,
    identifier_value,
    'crm_account_id' as other_identifier_kind,
    account_id as other_identifier_value,
    min(opened_at) as first_seen_at,
    max(opened_at) as last_seen_at,
    count(*) as sighting_count
from pairs
group by identifier_kind, identifier_value, account_id
