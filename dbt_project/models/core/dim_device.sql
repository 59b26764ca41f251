with devices as (
    {{ named_members('device') }}
),

described as (
    select
        device_id,
        {{ described_as('device_kind') }} as device_kind,
        {{ described_as('device_class') }} as device_class,
        {{ described_as('operating_system') }} as operating_system,
        {{ described_as('product_id') }} as product_id,
        {{ described_as('identifier_kind') }} as identifier_kind,
        {{ described_as('identifier_value') }} as identifier_value,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from {{ ref('int_device') }}
    group by device_id
)

select
    devices.member_key as device_key,
    devices.member_id as device_id,
    described.device_kind,
    described.device_class,
    described.operating_system,
    {{ member_key('described.product_id', unknown_when='described.device_id is null') }} as product_key,
    {{ customer_key_or_unknown() }} as customer_key,
    described.first_seen_at,
    described.last_seen_at,
    described.device_id is not null as is_described
from devices
left join described on devices.member_id = described.device_id
{{ join_customer('described') }}
