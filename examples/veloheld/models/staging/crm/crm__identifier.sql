{{ config(enabled=context360.adapter_is_on()) }}

select
    account_id as source_record_id,
    'crm_account_id' as identifier_kind,
    account_id as identifier_value
from {{ ref('stg_crm__accounts') }}

union all

-- A social handle may be used only after opt-in.
select
    handles.account_id as source_record_id,
    'social_handle' as identifier_kind,
    handles.network || ':' || lower(handles.handle) as identifier_value
from {{ ref('stg_crm__social_handles') }} as handles
inner join {{ ref('stg_crm__accounts') }} as accounts on handles.account_id = accounts.account_id
where handles.has_opted_in
